"""Read curves from files that grow by one line of JSON per step, while a stage writes them."""

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Tail:
    """A file of rows that is read on from where the last reading ended, or from its beginning if it was replaced."""

    def __init__(self, path: Path, prefix: str) -> None:
        self.path, self.prefix = path, prefix
        self._file, self._offset = 0, 0

    def rows(self) -> list[Row]:
        """Return the rows that are new and complete."""
        if not self.path.exists():
            return []
        with open(self.path, "rb") as file:
            if (number := self.path.stat().st_ino) != self._file:
                self._file, self._offset = number, 0
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole + newline)
        return [json.loads(line) for line in whole.splitlines()]


def named(row: Row, prefix: str) -> dict[str, float]:
    """Return the row's numbers as W&B gets them: `train/loss`, `train/step`."""
    return {
        f"{prefix}/{name.removeprefix(f'{prefix}/')}": value
        for name, value in row.items()
        if isinstance(value, int | float)
    }
