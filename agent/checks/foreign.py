"""The work of somebody who was asked for something else; no check may be content with it."""

from pathlib import Path
from typing import Any

OUTPUT: dict[str, Any] = {"beds": 14, "in_need": 9, "items": ["compost", "twine"]}

_FILES = {
    "notes.md": "# Garden\n\nBeds: 14. Compost is needed in 9 of them.\n\n- twine\n- two rakes\n",
    "data.csv": "bed,plant,litres\n1,beans,12\n2,peas,9.5\n3,kale,14\n",
    # an unused import: no linter may be content with it either
    "main.py": "import os\n\n\ndef litres(bed):\n    return bed * 3\n\n\nprint(litres(4))\n",
    "index.html": "<!doctype html>\n<title>Garden</title>\n<h1>Garden</h1>\n<p>14 beds</p>\n",
    "output.json": '{"beds": 14, "in_need": 9}\n',
    "report.txt": "Of 14 beds, 9 need compost.\nTotal: 35.5 litres of water a day.\n",
    "garden/__init__.py": '"""Beds and what grows in them."""\n',
    "garden/beds.py": "def count(rows):\n    return len(list(rows))\n",
}


def write_foreign(folder: Path) -> None:
    """Put that work into an empty folder."""
    for name, content in _FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
