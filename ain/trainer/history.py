"""The history of a training, step by step, in files that can be followed and that a resumed run continues."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ain.storage.damage import Damaged
from ain.storage.files import replace_text

Step = dict[str, Any]
HISTORY, VALIDATION = "history.jsonl", "validation.jsonl"  # one row per step, and one per checkpoint


class History:
    """One line of JSON per step. Rows of steps that a resumed run will repeat are removed first."""

    def __init__(self, path: Path, from_step: int) -> None:
        self.path = path
        kept = [row for row in read(path) if row["step"] <= from_step]
        replace_text(path, "".join(json.dumps(row) + "\n" for row in kept))

    def add(self, row: Step) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read(path: Path) -> list[Step]:
    """Return all rows, without a last line that a crash has cut short. Raise Damaged for another line that is no JSON."""
    rows: list[Step] = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            if number < len(lines):
                remedy = f"delete {path.parent} and run the same command, which trains again"
                raise Damaged(path, f"line {number} is no JSON", remedy, path.parent) from None
    return rows


def summary(rows: Iterable[Step]) -> Step:
    """Return the mean loss over the last tenth of the steps, and the median speed in tokens per second."""
    rows = list(rows)
    tail = rows[-max(1, len(rows) // 10) :]
    speeds = sorted(row["tokens_per_second"] for row in rows)
    return {
        "loss": round(math.fsum(row["loss"] for row in tail) / len(tail), 5),
        "tokens_per_second": speeds[len(speeds) // 2],
    }
