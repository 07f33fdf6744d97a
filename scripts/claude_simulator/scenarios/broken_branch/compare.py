"""Which products were ordered beyond their stock: `compare.py ORDERS.csv STOCK.json`."""

import csv
import json
import sys
from pathlib import Path


def main(orders: str, stock_path: str) -> None:
    """Write and print the shortages."""
    stock = json.loads(Path(stock_path).read_text(encoding="utf-8"))
    with Path(orders).open(newline="", encoding="utf-8") as file:
        ordered = {row["product"]: int(row["ordered"]) for row in csv.DictReader(file)}
    short = {name: n - stock.get(name, 0) for name, n in ordered.items() if n > stock.get(name, 0)}
    Path("shortages.json").write_text(json.dumps(short, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"short": len(short)}))


main(sys.argv[1], sys.argv[2])
