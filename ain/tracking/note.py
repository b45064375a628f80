"""Note what a W&B run has been sent, so that a repeated job sends nothing twice. W&B's offline mode knows no history."""

import json
from pathlib import Path

from ain.storage.files import replace_text


class Note:
    """`published.json`. steps: curve → its last step; rows: how many were logged, over all curves; items: name of a
    table, figure, artifact or the summary → its digest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.steps: dict[str, int] = found.get("steps", {})
        self.rows: int = found.get("rows", 0)
        self.items: dict[str, str] = found.get("items", {})

    def save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(self._path, json.dumps({"steps": self.steps, "rows": self.rows, "items": self.items}, indent=2))
