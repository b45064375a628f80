"""Store the answers of chat models, which are paid for or slow, by content on a local disk.

A committed answer is never requested again, however a run ends. Keys are digests of everything that affects an answer:
the model, its parameters, the prompt, the content.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any


def key(*parts: Any) -> str:
    """Return a key from everything that affects the answer. Order and type of the parts matter."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Spent:
    """What a run has used. seconds: waiting time, summed over all requests."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    seconds: float = 0.0


class Ledger:
    """A small key-value store of text. Several processes may read; one writes at a time while the others wait."""

    def __init__(self, path: Path | None) -> None:
        """path: None keeps answers in memory only, for answers that are already in a file."""
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path or ":memory:", timeout=60, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(
            "PRAGMA synchronous=NORMAL"
        )  # a killed process loses nothing, a power cut at most the last commits
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID"
        )
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS spent (run TEXT PRIMARY KEY, requests INT, prompt_tokens INT, "
            "completion_tokens INT, usd REAL, seconds REAL)"
        )

    def get(self, key: str) -> str | None:
        row = self._database.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def put(self, answers: Iterable[tuple[str, str]], run: str = "", spent: Spent | None = None) -> None:
        """Commit (key, answer) pairs together with what they cost the run. The first answer to a key stays. If all
        answers are already stored, no cost is added."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            new = self._database.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?)", answers).rowcount
            if spent and new:
                self._database.execute(
                    "INSERT INTO spent VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET "
                    "requests = requests + excluded.requests, prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
                    "completion_tokens = completion_tokens + excluded.completion_tokens, usd = usd + excluded.usd, "
                    "seconds = seconds + excluded.seconds",
                    (run, *astuple(spent)),
                )
            self._database.execute("COMMIT")
        except BaseException:
            self._database.execute("ROLLBACK")
            raise

    def spent(self, run: str) -> Spent:
        """Return the sum over all processes that worked on this run."""
        row = self._database.execute(
            "SELECT requests, prompt_tokens, completion_tokens, usd, seconds FROM spent WHERE run = ?", (run,)
        ).fetchone()
        return Spent(*row) if row else Spent()

    def close(self) -> None:
        self._database.close()
