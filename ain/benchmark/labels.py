"""Read labels that a person has and the published data set lacks."""

import csv
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ain import UserError
from ain.benchmark import MOST_LABELS_MB
from ain.storage.files import given_text

EXPECTED = 'expected one {"id": ..., "label": ...} a line, or a CSV file with the columns id and label'


def read_labels(path: Path) -> dict[str, tuple[str, ...]]:
    """Return question → its right answers, from JSON lines or CSV. A label is a text, or a list of texts that are all right.

    Raise UserError, naming the line, for what is no label.
    """
    text = given_text(path, MOST_LABELS_MB)
    rows = _csv(text) if path.suffix == ".csv" else _json_lines(text, path)
    made: dict[str, tuple[str, ...]] = {}
    for line, row in rows:
        label = row.get("label") if isinstance(row, dict) else None
        labels = label if isinstance(label, list) else [] if label is None else [label]
        if (
            not isinstance(row, dict)
            or "id" not in row
            or not all(isinstance(one, str | int | float) for one in labels)
        ):
            raise UserError(f"benchmark.labels={path}, line {line}: {EXPECTED}")
        if str(row["id"]) in made:
            raise UserError(f"benchmark.labels={path}, line {line}: a second label of {row['id']}; remove one")
        made[str(row["id"])] = tuple(str(one) for one in labels if str(one).strip())
    return made


def _json_lines(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError:
                raise UserError(f"benchmark.labels={path}, line {number}: {EXPECTED}") from None


def _csv(text: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(StringIO(text))
    for row in reader:
        yield reader.line_num, row
