"""Put figures, charts and the cross-check into one report.

`write_report.py REJECTED.csv TOTALS.json MARGINS.json CROSSCHECK.json CHART.png ...`
"""

import csv
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def main(rejected: str, totals: str, margins: str, crosscheck: str, *charts: str) -> None:
    """Write report.md beside copies of the charts and print its size in words."""
    for chart in charts:
        shutil.copy(chart, Path(chart).name)
    text = "\n\n".join(
        (
            "# Sales report",
            headline(load(totals), load(margins)),
            *(f"![{Path(chart).stem.replace('_', ' ')}]({Path(chart).name})" for chart in charts),
            "## Months\n\n" + table(load(totals)["months"]),
            "## Regions\n\n" + table(load(totals)["regions"]),
            "## Products\n\n" + table(load(margins)["products"]),
            "## What to do next\n\n" + advice(load(totals), load(margins)),
            "## Data quality\n\n" + quality(Path(rejected)),
            "## Cross-check\n\n" + verdict(load(crosscheck)),
        )
    )
    Path("report.md").write_text(text + "\n", encoding="utf-8")
    print(json.dumps({"report": "report.md", "words": len(text.split()), "charts": len(charts)}))


def load(path: str) -> dict[str, Any]:
    """A JSON file's object."""
    value: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return value


def headline(totals: dict[str, Any], margins: dict[str, Any]) -> str:
    """The figures that matter most, in two sentences."""
    return (
        f"Revenue was **{totals['revenue']:,.2f}** for {totals['units']:,} units; the margin was "
        f"**{margins['margin']:,.2f}**. The best month was {totals['best_month']}, the product "
        f"that earned most was {margins['best_product']}."
    )


def advice(totals: dict[str, Any], margins: dict[str, Any]) -> str:
    """What the lowest and the highest figures point to."""
    thin = min(margins["products"], key=lambda product: product["margin_percent"])
    weak = min(totals["regions"], key=lambda region: region["revenue"])
    return "\n".join(
        (
            f"- Look at price and cost of {thin['product']}: "
            f"it keeps {thin['margin_percent']:.2f} %.",
            f"- Ask what {weak['region']} needs: it brought in least, {weak['revenue']:,.2f}.",
            f"- Have stock ready before {totals['best_month']} comes round again.",
        )
    )


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table, fractions to two decimals."""
    head = [name.replace("_", " ") for name in rows[0]]
    cells = ([figure(cell) for cell in row.values()] for row in rows)
    lines = [head, ["---"] * len(head), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def figure(cell: Any) -> str:
    """A cell as people write it."""
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def quality(rejected: Path) -> str:
    """How many rows were set aside and why."""
    with rejected.open(newline="", encoding="utf-8") as file:
        reasons = Counter(row["reason"] for row in csv.DictReader(file))
    lines = [f"- {reason}: {count}" for reason, count in sorted(reasons.items())]
    return "\n".join([f"{reasons.total()} rows were set aside:", "", *lines])


def verdict(crosscheck: dict[str, Any]) -> str:
    """What the recomputation found."""
    return (
        f"{crosscheck['figures_checked']} figures were computed a second time in exact decimals; "
        f"{crosscheck['mismatches']} differed."
    )


main(*sys.argv[1:])
