"""Two charts from the computed figures: `draw_charts.py TOTALS.json MARGINS.json`."""

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

BLUE, GREEN, GREY = "#3b6fd4", "#2f9e6e", "#8a94a6"


def main(totals_path: str, margins_path: str) -> None:
    """Write monthly_revenue.png and product_margins.png and print their sizes in bytes."""
    totals = json.loads(Path(totals_path).read_text(encoding="utf-8"))
    margins = json.loads(Path(margins_path).read_text(encoding="utf-8"))
    draw_months(totals["months"], totals["best_month"])
    draw_products(margins["products"])
    names = ("monthly_revenue.png", "product_margins.png")
    print(json.dumps({"charts": {name: Path(name).stat().st_size for name in names}}))


def draw_months(months: list[dict[str, Any]], best: str) -> None:
    """Revenue of each month, the best one in green."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    names = [month["month"] for month in months]
    colours = [GREEN if name == best else BLUE for name in names]
    axes.bar(names, [month["revenue"] for month in months], color=colours)
    axes.set_title("Revenue by month", loc="left", fontweight="bold")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(axis="x", rotation=45)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig("monthly_revenue.png", dpi=120)


def draw_products(products: list[dict[str, Any]]) -> None:
    """Revenue and margin of each product, the best margin on top."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    names = [product["product"] for product in reversed(products)]
    axes.barh(names, [p["revenue"] for p in reversed(products)], color=GREY, label="revenue")
    axes.barh(names, [p["margin"] for p in reversed(products)], color=GREEN, label="margin")
    axes.set_title("Revenue and margin by product", loc="left", fontweight="bold")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig("product_margins.png", dpi=120)


main(sys.argv[1], sys.argv[2])
