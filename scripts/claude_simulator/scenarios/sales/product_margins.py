"""What each product earned after its cost: `product_margins.py CLEAN.csv`."""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any


def main(source: str) -> None:
    """Write margins.csv and margins.json, and print the last."""
    revenue: defaultdict[str, float] = defaultdict(float)
    cost: defaultdict[str, float] = defaultdict(float)
    with Path(source).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            quantity = int(row["quantity"])
            revenue[row["product"]] += quantity * float(row["unit_price"])
            cost[row["product"]] += quantity * float(row["unit_cost"])
    products = sorted(
        (line(name, revenue[name], cost[name]) for name in revenue),
        key=lambda product: -product["margin"],
    )
    margins = {
        "margin": round(sum(revenue.values()) - sum(cost.values()), 2),
        "best_product": products[0]["product"],
        "products": products,
    }
    with Path("margins.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(products[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(products)
    Path("margins.json").write_text(json.dumps(margins, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(margins))


def line(name: str, revenue: float, cost: float) -> dict[str, Any]:
    """One product's figures."""
    return {
        "product": name,
        "revenue": round(revenue, 2),
        "margin": round(revenue - cost, 2),
        "margin_percent": round(100 * (revenue - cost) / revenue, 2),
    }


main(sys.argv[1])
