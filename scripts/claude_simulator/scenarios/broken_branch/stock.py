"""Sum up the stock list that should have come with the request: `stock.py STOCK.csv`."""

import csv
import json
import sys
from pathlib import Path


def main(source: Path) -> None:
    """Print the stock of each product, or say what is missing."""
    if not source.is_file():
        sys.exit(f"there is no {source.name} among the files that came with the request")
    with source.open(newline="", encoding="utf-8") as file:
        stock = {row["product"]: int(row["stock"]) for row in csv.DictReader(file)}
    Path("stock.json").write_text(json.dumps(stock, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"products": len(stock), "pieces": sum(stock.values())}))


main(Path(sys.argv[1]))
