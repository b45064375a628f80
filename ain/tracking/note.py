"""Note what a W&B run was told, so that a repeated job tells nothing twice. W&B's offline mode knows no history."""

import json
from pathlib import Path

from ain.storage.files import replace_text


class Note:
    """`published.json`. steps: curve → its last step; rows: how many were logged, over all curves; items: name of a
    table, figure, artifact or the summary → its digest; open: W&B's run was not closed, because the job was killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.steps: dict[str, int] = found.get("steps", {})
        self.rows: int = found.get("rows", 0)
        self.items: dict[str, str] = found.get("items", {})
        self.open: bool = found.get("open", False)

    def save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(self._path, json.dumps({k: v for k, v in vars(self).items() if k[0] != "_"}, indent=2))
