"""Small tables that stages leave beside their rows: CSV for people, spreadsheets, the report and W&B."""

import csv
import io
from pathlib import Path
from typing import Any

from ain.storage.files import replace_text

Table = list[dict[str, Any]]


def write_table(path: Path, rows: Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["empty"])
    writer.writeheader()
    writer.writerows(rows)
    replace_text(path, text.getvalue())


def read_table(path: Path) -> Table:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
