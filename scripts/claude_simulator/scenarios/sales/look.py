"""Count what is wrong with a sales file before anybody touches it: `look.py SALES.csv`."""

import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path

COLUMNS = ["date", "region", "product", "quantity", "unit_price", "unit_cost", "salesperson"]
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def main(source: str) -> None:
    """Write profile.json and print the same."""
    with Path(source).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            sys.exit(f"{source}: expected the columns {COLUMNS}, found {reader.fieldnames}")
        rows = list(reader)
    copies = Counter(tuple(row.values()) for row in rows)
    profile = {
        "rows": len(rows),
        "columns": len(COLUMNS),
        "duplicates": sum(copies.values()) - len(copies),
        "missing": {name: sum(not row[name].strip() for row in rows) for name in COLUMNS},
        "odd_dates": sum(not ISO_DATE.fullmatch(row["date"]) for row in rows),
        "negative_quantities": sum(row["quantity"].startswith("-") for row in rows),
        "region_spellings": len({row["region"] for row in rows}),
    }
    Path("profile.json").write_text(json.dumps(profile, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(profile))


main(sys.argv[1])
