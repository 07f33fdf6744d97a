"""Keep the sound rows, set the others aside with a reason: `clean_sales.py SALES.csv`.

Writes clean.csv, rejected.csv and the SQLite database sales.db.
"""

import csv
import json
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%b %d, %Y")
COLUMNS = ["date", "region", "product", "quantity", "unit_price", "unit_cost", "salesperson"]

Row = dict[str, str]


def main(source: str) -> None:
    """Clean the file, write the three results and print the counts."""
    with Path(source).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept, rejected = sort_out(rows)
    write("clean.csv", COLUMNS, kept)
    write("rejected.csv", [*COLUMNS, "reason"], rejected)
    store(kept)
    reasons = Counter(row["reason"] for row in rejected)
    counts = {
        "rows_in": len(rows),
        "rows_kept": len(kept),
        "rows_rejected": len(rejected),
        "reasons": dict(sorted(reasons.items())),
        "salesperson_filled": sum(row["salesperson"] == "unknown" for row in kept),
    }
    print(json.dumps(counts))


def sort_out(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """The rows worth keeping, in one spelling, and the others with the reason."""
    kept: list[Row] = []
    rejected: list[Row] = []
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        reason = "duplicate" if tuple(row.values()) in seen else problem(row)
        seen.add(tuple(row.values()))
        if reason:
            rejected.append(row | {"reason": reason})
        else:
            kept.append(tidy(row))
    return kept, rejected


def problem(row: Row) -> str | None:
    """Why a row cannot be used."""
    empty = [name for name in COLUMNS[:-1] if not row[name].strip()]
    if empty:
        return f"missing {empty[0]}"
    if day(row["date"]) is None:
        return "unreadable date"
    return "negative quantity" if int(row["quantity"]) < 0 else None


def tidy(row: Row) -> Row:
    """The row with one spelling for each thing."""
    return {
        "date": str(day(row["date"])),
        "region": row["region"].strip().title(),
        "product": row["product"].strip(),
        "quantity": row["quantity"],
        "unit_price": row["unit_price"].lstrip("$"),
        "unit_cost": row["unit_cost"],
        "salesperson": row["salesperson"].strip() or "unknown",
    }


def day(text: str) -> date | None:
    """The date in any of the formats seen in the file."""
    for form in FORMATS:
        try:
            return datetime.strptime(text.strip(), form).date()
        except ValueError:
            continue
    return None


def write(name: str, columns: list[str], rows: list[Row]) -> None:
    """Write rows as CSV."""
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def store(rows: list[Row]) -> None:
    """Put the rows into a database, for those who sum them up."""
    Path("sales.db").unlink(missing_ok=True)
    with closing(sqlite3.connect("sales.db")) as database:
        database.execute(
            "CREATE TABLE sales (date TEXT, region TEXT, product TEXT, quantity INTEGER,"
            " unit_price REAL, unit_cost REAL, salesperson TEXT)"
        )
        database.executemany(
            "INSERT INTO sales VALUES (:date, :region, :product, :quantity,"
            " :unit_price, :unit_cost, :salesperson)",
            rows,
        )
        database.commit()


main(sys.argv[1])
