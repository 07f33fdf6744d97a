"""Recompute every total in exact decimals: `recompute.py CLEAN.csv TOTALS.json MARGINS.json`.

Exits with 1 when a figure differs by a cent or more.
"""

import csv
import json
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

CENT = Decimal("0.01")

Sums = defaultdict[str, Decimal]


def main(clean: str, totals_path: str, margins_path: str) -> None:
    """Compare, write crosscheck.json and print it."""
    months, regions, products, margins = sums(Path(clean))
    totals = json.loads(Path(totals_path).read_text(encoding="utf-8"))
    reported = json.loads(Path(margins_path).read_text(encoding="utf-8"))["products"]
    pairs = [
        ("all revenue", sum(months.values(), Decimal()), totals["revenue"]),
        *((m["month"], months[m["month"]], m["revenue"]) for m in totals["months"]),
        *((r["region"], regions[r["region"]], r["revenue"]) for r in totals["regions"]),
        *((p["product"], products[p["product"]], p["revenue"]) for p in reported),
        *((f"margin {p['product']}", margins[p["product"]], p["margin"]) for p in reported),
    ]
    wrong = [name for name, own, said in pairs if abs(own - Decimal(str(said))) >= CENT]
    report = {"figures_checked": len(pairs), "mismatches": len(wrong), "wrong": wrong}
    Path("crosscheck.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report))
    if wrong:
        sys.exit(1)


def sums(source: Path) -> tuple[Sums, Sums, Sums, Sums]:
    """Revenue by month, region and product, and margin by product."""
    months, regions, products, margins = (defaultdict[str, Decimal](Decimal) for _ in range(4))
    with source.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            quantity, price = Decimal(row["quantity"]), Decimal(row["unit_price"])
            months[row["date"][:7]] += quantity * price
            regions[row["region"]] += quantity * price
            products[row["product"]] += quantity * price
            margins[row["product"]] += quantity * (price - Decimal(row["unit_cost"]))
    return months, regions, products, margins


main(*sys.argv[1:4])
