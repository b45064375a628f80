"""Store the answers of chat models, which are paid for or slow, by content on a local disk.

A committed answer is never requested again, however a run ends. Keys are digests of everything that affects an answer:
the model, its parameters, the prompt, the content. Each row holds a digest of itself, because SQLite does not notice
changed bytes.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import xxhash

from ain.storage.damage import Damaged

SMALL = 16_000_000  # bytes of a ledger that is read in full when it is opened; larger ones by `ain check` alone
_MAGIC = b"SQLite format 3\0"
_REMEDY = (
    "answers that were paid for may be in it: put back a copy, or move it away, with {name}-wal and {name}-shm beside it, "
    "to ask for all of them again"
)
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_TABLES = {
    "answers": "key TEXT PRIMARY KEY, answer TEXT NOT NULL, digest TEXT",
    "spent": "run TEXT PRIMARY KEY, requests INT, prompt_tokens INT, completion_tokens INT, usd REAL, seconds REAL, "
    "digest TEXT",
}
_read_in_full: set[tuple[Path, int, int]] = set()  # ledgers, with their size and time, that this process has read


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
        """path: None keeps answers in memory only, for answers that are already in a file. Raise Damaged for a file that
        is no ledger, rather than begin another in its place."""
        self.path = path
        if path:
            _refuse_remains(path)
            if not path.exists():
                _begin(path)
        read_only = bool(path) and not os.access(Path(path or ".").parent, os.W_OK)
        place = f"{path.absolute().as_uri()}?immutable=1" if path and read_only else path or ":memory:"
        with self._noticing():
            self._database = sqlite3.connect(place, timeout=60, isolation_level=None, uri=read_only)
            self._database.text_factory = bytes  # decoded after it was compared
            if not read_only:
                self._database.execute("PRAGMA journal_mode=WAL")
                self._database.execute(
                    "PRAGMA synchronous=NORMAL"
                )  # a kill loses nothing, a power cut the last commits
                _create(self._database)
        if path and path.stat().st_size <= SMALL and _state(path) not in _read_in_full:
            self.check()
            _read_in_full.add(_state(path))

    def get(self, key: str) -> str | None:
        with self._noticing():
            row = self._database.execute("SELECT answer, digest FROM answers WHERE key = ?", (key,)).fetchone()
        return self._compared(key, *row) if row else None

    def put(self, answers: Iterable[tuple[str, str]], run: str = "", spent: Spent | None = None) -> None:
        """Commit (key, answer) pairs together with what they cost the run. The first answer to a key stays. If all
        answers are already stored, no cost is added."""
        rows = [(key, answer, _digest(key, answer)) for key, answer in answers]
        with self._noticing():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                new = self._database.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", rows).rowcount
                if spent and new:
                    total = [a + b for a, b in zip(astuple(self.spent(run)), astuple(spent), strict=True)]
                    self._database.execute(
                        "INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?, ?, ?, ?)", (run, *total, _digest(run, *total))
                    )
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    def spent(self, run: str) -> Spent:
        """Return the sum over all processes that worked on this run."""
        with self._noticing():
            row = self._database.execute("SELECT * FROM spent WHERE run = ?", (run,)).fetchone()
        if row is None:
            return Spent()
        _, *numbers, digest = row
        if digest is not None and digest.decode() != _digest(run, *numbers):
            raise self._damaged(f"what {run} has spent has changed")
        return Spent(*numbers)

    def check(self) -> None:
        """Read everything and raise Damaged if anything is not as it was written."""
        with self._noticing():
            if (said := self._database.execute("PRAGMA quick_check(1)").fetchone()[0].decode()) != "ok":
                raise self._damaged(said.splitlines()[-1])
            for key, answer, digest in self._database.execute("SELECT key, answer, digest FROM answers"):
                self._compared(key.decode(errors="replace"), answer, digest)
            for (run,) in self._database.execute("SELECT run FROM spent").fetchall():
                self.spent(run.decode(errors="replace"))

    def close(self) -> None:
        self._database.close()

    def _compared(self, key: str, answer: bytes, digest: bytes | None) -> str:
        """Return an answer as text. One without a digest was stored by an earlier version."""
        text = answer.decode(errors="replace")
        if digest is not None and digest.decode(errors="replace") != _digest(key, text):
            raise self._damaged(f"the answer {key[:12]} has changed")
        return text

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Turn SQLite's errors for damaged files into Damaged."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _CORRUPT:
                raise
            raise self._damaged(str(error)) from None

    def _damaged(self, why: str) -> Damaged:
        path = self.path or Path(":memory:")
        return Damaged(path, why, _REMEDY.format(name=path.name))


def _digest(*parts: Any) -> str:
    return xxhash.xxh3_64_hexdigest(json.dumps(parts).encode())


def _state(path: Path) -> tuple[Path, int, int]:
    found = path.stat()
    return path, found.st_size, found.st_mtime_ns


def _create(database: sqlite3.Connection) -> None:
    """Create the tables, and add the column of digests to those of an earlier version."""
    for name, columns in _TABLES.items():
        database.execute(
            f"CREATE TABLE IF NOT EXISTS {name} ({columns}){' WITHOUT ROWID' if name == 'answers' else ''}"
        )
        known = {row[1] for row in database.execute(f"PRAGMA table_info({name})")}
        if b"digest" not in known and "digest" not in known:
            database.execute(f"ALTER TABLE {name} ADD COLUMN digest TEXT")


def _begin(path: Path) -> None:
    """Create a ledger under another name, so that an empty file is never one that is just being created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    database = sqlite3.connect(beside, isolation_level=None)
    _create(database)
    database.close()
    try:
        os.link(beside, path)  # unlike a renaming, it replaces none that another process created
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        if not path.exists():
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _refuse_remains(path: Path) -> None:
    """Raise Damaged for what SQLite would take for a new database: an empty file, or a log without its database."""
    remedy = _REMEDY.format(name=path.name)
    log = path.with_name(f"{path.name}-wal")
    if not path.exists():
        if log.exists() and log.stat().st_size:
            raise Damaged(path, f"missing, while {log.name} is there", remedy)
        return
    with open(path, "rb") as file:
        start = file.read(100)
    if not start:
        raise Damaged(path, "empty", remedy)
    if not start.startswith(_MAGIC):
        raise Damaged(path, "no SQLite file", remedy)
    page = int.from_bytes(start[16:18], "big")
    if len(start) < 100 or path.stat().st_size % (65_536 if page == 1 else page or 1):
        raise Damaged(path, "cut short", remedy)
