"""Average and extremes of some readings, as a report: `summarise.py READINGS.csv`."""

import csv
import json
import sys
from pathlib import Path


def main(source: str) -> None:
    """Write report.md and print its figures."""
    with Path(source).open(newline="", encoding="utf-8") as file:
        rows = {row["day"]: float(row["celsius"]) for row in csv.DictReader(file)}
    coldest, warmest = min(rows, key=lambda day: rows[day]), max(rows, key=lambda day: rows[day])
    average = f"{sum(rows.values()) / len(rows):.1f}"
    figures = {
        "readings": len(rows),
        "average": average,
        "lowest": rows[coldest],
        "highest": rows[warmest],
    }
    lines = (
        "# The temperatures of the week",
        f"- Average: {average} °C",
        f"- Lowest: {rows[coldest]} °C on {coldest}\n- Highest: {rows[warmest]} °C on {warmest}",
        f"Computed from the {len(rows)} readings in {Path(source).name}.",
    )
    Path("report.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    print(json.dumps(figures))


main(sys.argv[1])
