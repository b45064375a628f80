"""Read what people say about single answers: right or wrong."""

from pathlib import Path
from typing import NamedTuple

from ain import UserError
from ain.storage.spreadsheets import rows, text

KEY = "judge.labels"


class Said(NamedTuple):
    """A person's verdict on a model's answer to a question. model: None: of every model."""

    id: str
    model: str | None
    score: int  # 1: right, 0: wrong


def read_verdicts(path: Path) -> list[Said]:
    """Read a CSV, XLSX or JSON lines file with the columns id, label (1: the answer is right, 0: it is wrong) and, if there
    are several models, model. A row without a label counts for nothing. Raise UserError, naming the row, for another label."""
    found: dict[tuple[str, str | None], Said] = {}
    for number, row in rows(path, KEY, "file of verdicts on answers", ("id", "label")):
        where = f"{KEY}={path}, row {number}"
        name, label, model = (text(row.get(column), where) for column in ("id", "label", "model"))
        if not label:
            continue
        if label not in ("0", "1"):
            raise UserError(f"{where}: the label is {label[:20]}; expected 1 (the answer is right) or 0 (it is wrong)")
        if (name, model or None) in found:
            raise UserError(f"{where}: a second label of {name}; remove one")
        found[name, model or None] = Said(name, model or None, int(label))
    return list(found.values())
