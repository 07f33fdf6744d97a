"""Revenue by month and by region, summed up by the database: `sum_sales.py SALES.db`."""

import csv
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

BY_MONTH = """
    SELECT substr(date, 1, 7) AS month, round(sum(quantity * unit_price), 2) AS revenue,
           sum(quantity) AS units, count(*) AS orders
    FROM sales GROUP BY 1 ORDER BY 1"""
BY_REGION = """
    SELECT region, round(sum(quantity * unit_price), 2) AS revenue,
           sum(quantity) AS units, count(*) AS orders
    FROM sales GROUP BY 1 ORDER BY 2 DESC"""
ALL = "SELECT round(sum(quantity * unit_price), 2) AS revenue, sum(quantity) AS units FROM sales"


def main(source: str) -> None:
    """Write monthly.csv, regions.csv and totals.json, and print the last."""
    with closing(sqlite3.connect(source)) as database:
        database.row_factory = sqlite3.Row
        months, regions, (whole,) = (
            [dict(row) for row in database.execute(query)] for query in (BY_MONTH, BY_REGION, ALL)
        )
    write("monthly.csv", months)
    write("regions.csv", regions)
    best = max(months, key=lambda month: month["revenue"])
    totals = {**whole, "best_month": best["month"], "months": months, "regions": regions}
    Path("totals.json").write_text(json.dumps(totals, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(totals))


def write(name: str, rows: list[dict[str, Any]]) -> None:
    """Write rows as CSV."""
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


main(sys.argv[1])
