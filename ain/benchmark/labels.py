"""Read right answers from a person's file, for data sets that are published without any."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ain import UserError
from ain.benchmark import MOST_LABELS_MB
from ain.benchmark.template import shown
from ain.storage.files import given_text


def read_labels(path: Path) -> dict[str, tuple[str, ...]]:
    """Return id of a question → its right answers.

    The file is JSON ({"17": "ب", "18": ["نعم", "أجل"]}), JSONL or CSV with the columns `id` and `label`, where a repeated id
    adds an answer. Raise UserError, naming the line, for anything else.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for where, identifier, labels in _rows(path):
        texts = [shown(label) for label in (labels if isinstance(labels, list) else [labels])]
        if _is_missing(identifier) or not all(texts) or not texts:
            raise UserError(f"benchmark.labels={path}: {where} lacks its id or its label; correct it or remove it")
        found[shown(identifier)] += texts
    return {identifier: tuple(dict.fromkeys(texts)) for identifier, texts in found.items()}


def _is_missing(identifier: Any) -> bool:
    return isinstance(identifier, list | dict) or not shown(identifier)


def _rows(path: Path) -> Iterator[tuple[str, Any, Any]]:
    """Yield (where it stands, id, label or labels)."""
    text = given_text(path, MOST_LABELS_MB)
    if path.suffix == ".json":
        table = _parsed(path, "the file", text)
        for identifier, labels in table.items():
            yield f"the entry {identifier[:40]}", identifier, labels
    elif path.suffix == ".jsonl":
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                row = _parsed(path, f"line {number}", line)
                yield f"line {number}", row.get("id"), row.get("labels", row.get("label"))
    elif path.suffix == ".csv":
        for number, row in enumerate(csv.DictReader(io.StringIO(text)), 2):
            yield f"line {number}", row.get("id"), row.get("label")
    else:
        raise UserError(f"benchmark.labels={path}: give a file that ends with .json, .jsonl or .csv")


def _parsed(path: Path, where: str, text: str) -> dict[str, Any]:
    try:
        made = json.loads(text)
    except (ValueError, RecursionError):
        made = None
    if not isinstance(made, dict):
        raise UserError(f"benchmark.labels={path}: {where} is no JSON object; docs/benchmarks.md shows one")
    return made
