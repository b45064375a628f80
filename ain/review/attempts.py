"""The records whose translation is asked for again, and how often: `retry=FILE`, written by `ain retry`."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ain import UserError
from ain.storage import spreadsheets
from ain.storage.digests import digest
from ain.storage.files import replace_text


class Attempts:
    """Reads JSON lines of {"id", "attempt"}. Attempt 0 is the first translation, which needs no line."""

    def __init__(self, path: Annotated[str, Field(min_length=1)]) -> None:
        self.path = Path(path).expanduser()

    def digest(self) -> str:
        return digest(self.attempts)

    @property
    def attempts(self) -> dict[str, int]:
        return {name: attempt for name, (attempt, _) in self._rows.items()}

    @property
    def places(self) -> dict[str, str]:
        """Return where each id stands."""
        return {name: where for name, (_, where) in self._rows.items()}

    @cached_property
    def _rows(self) -> dict[str, tuple[int, str]]:
        """The attempts with their places. Raises UserError, naming file and row, for what is no attempt."""
        found: dict[str, tuple[int, str]] = {}
        for number, row in spreadsheets.rows(self.path, "retry", "file of `ain retry`", ("id", "attempt")):
            where, name, attempt = f"{self.path}, row {number}", row["id"], row["attempt"]
            if not isinstance(name, str) or type(attempt) is not int or attempt < 1:
                raise UserError(f'{where}: expected {{"id": "...", "attempt": 1}}; `ain retry` writes such a file')
            if name in found:
                raise UserError(f"{where}: {name} has a row before this one; remove one of them")
            found[name] = attempt, where
        return found


def write(attempts: Mapping[str, int], folder: Path) -> Path:
    """Write the file, named by its content, and return its path."""
    path = folder / f"{digest(dict(attempts))}.jsonl"
    lines = [json.dumps({"id": name, "attempt": attempts[name]}, ensure_ascii=False) for name in sorted(attempts)]
    folder.mkdir(parents=True, exist_ok=True)
    replace_text(path, "\n".join([*lines, ""]))
    return path
