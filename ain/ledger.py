"""Answers of chat models, paid or slow, kept once by content, on a local disk.

What is committed is never asked again, however a run ends. Keys are digests of all that
shapes an answer: the model, its parameters, the version of the prompt, the content.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def key(*parts: Any) -> str:
    """A key from whatever shapes the answer; order and type of the parts matter."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


class Ledger:
    """A small key-value store of text. Several processes may read; one writes at a time and the others wait for it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID"
        )

    def get(self, key: str) -> str | None:
        row = self._database.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def put(self, answers: Iterable[tuple[str, str]]) -> None:
        """Commit (key, answer) pairs together. The first answer to a key stays."""
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?)", answers)
        self._database.execute("COMMIT")

    def close(self) -> None:
        self._database.close()
