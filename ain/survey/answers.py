"""Keep what participants said, in one SQLite file. What has been acknowledged survives a kill and a power cut."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ain import UserError
from ain.survey.definition import DATABASE, Survey

_VERSION = 1
# key: a digest, so that the file holds no token that opens a participant's survey. shown: JSON, the models in the order in
# which they were shown; null where a form tool did not tell.
_TABLES = """
CREATE TABLE IF NOT EXISTS survey (version INTEGER NOT NULL, identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS participant (
  number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, source TEXT NOT NULL, agreed INTEGER NOT NULL,
  nationality TEXT, dialect TEXT);
CREATE TABLE IF NOT EXISTS answer (
  participant INTEGER NOT NULL REFERENCES participant, question INTEGER NOT NULL, chosen TEXT NOT NULL, shown TEXT,
  PRIMARY KEY (participant, question));
"""
Statement = tuple[str, Sequence[Any]]  # SQL, values


@dataclass(frozen=True)
class Participant:
    """number: from 0; decides the orders of answers. source: web or form."""

    number: int
    source: str
    agreed: bool
    nationality: str | None
    dialect: str | None


@dataclass(frozen=True)
class Given:
    """What a participant chose for a question (from 1). shown: the models in order, if that is known."""

    participant: int
    question: int
    chosen: str
    shown: list[str] | None


def key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def join(token: str, source: str = "web", agreed: bool = True) -> Statement:
    """Add a participant. Whoever is there already keeps the number; agreeing is noted."""
    return (
        "INSERT INTO participant (number, key, source, agreed) SELECT coalesce(max(number) + 1, 0), ?, ?, ? "
        "FROM participant WHERE true ON CONFLICT (key) DO UPDATE SET agreed = max(agreed, excluded.agreed)",
        [key(token), source, agreed],
    )


def tell(participant: int, what: str, said: str) -> Statement:
    """Note a participant's nationality or answer about dialects. what: the column."""
    assert what in ("nationality", "dialect")
    return f"UPDATE participant SET {what} = ? WHERE number = ?", [said, participant]


def choose(given: Given) -> Statement:
    """Note a choice. The last one counts, so what is sent twice counts once."""
    return (
        "INSERT INTO answer (participant, question, chosen, shown) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (participant, question) DO UPDATE SET chosen = excluded.chosen, shown = excluded.shown",
        [given.participant, given.question, given.chosen, json.dumps(given.shown) if given.shown else None],
    )


class Answers:
    """The answers to the survey in a folder. One thread writes and another one reads.

    A commit is on the disk before `write` returns: SQLite keeps a write-ahead log and waits for the disk at each commit.
    """

    def __init__(self, folder: Path, survey: Survey) -> None:
        self.path = folder / DATABASE
        try:
            self.path.touch(mode=0o600)
            self._writing = self._opened()
            self._writing.executescript(_TABLES)
            self._same(survey)
            self._reading = self._opened()
        except (OSError, sqlite3.DatabaseError) as error:
            raise UserError(f"{self.path}: cannot be used ({error}); make it writable, or restore a backup") from None

    def _opened(self) -> sqlite3.Connection:
        made = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            made.execute(f"PRAGMA {pragma}")
        return made

    def _same(self, survey: Survey) -> None:
        """Raise UserError if the answers are to other questions, or to answers of other models."""
        with self._writing:
            self._writing.execute(
                "INSERT INTO survey SELECT ?, ? WHERE NOT EXISTS (SELECT * FROM survey)", [_VERSION, survey.identity]
            )
        version, identity = self._writing.execute("SELECT version, identity FROM survey").fetchone()
        if version != _VERSION:
            raise UserError(f"{self.path}: written by another version of ain; use that one")
        if identity != survey.identity:
            raise UserError(
                f"{self.path}: holds answers to other questions or models than survey.json has; put back the file as it "
                "was, or build another folder"
            )

    def write(self, statements: Iterable[Statement]) -> None:
        """Carry out all statements or none."""
        with self._writing:
            for sql, values in statements:
                self._writing.execute(sql, values)

    def add(
        self, token: str, source: str, said: Mapping[str, str], chosen: Mapping[int, str], shown: list[str] | None
    ) -> bool:
        """Add all that somebody said elsewhere; return False if it is there already. said: as `tell` takes it."""
        if self.participant(token):
            return False
        with self._writing:
            self._writing.execute(*join(token, source))
            (number,) = self._writing.execute("SELECT number FROM participant WHERE key = ?", [key(token)]).fetchone()
            for what, given in said.items():
                self._writing.execute(*tell(number, what, given))
            for question, model in chosen.items():
                self._writing.execute(*choose(Given(number, question, model, shown)))
        return True

    def participant(self, token: str) -> Participant | None:
        return next(iter(self._participants("WHERE key = ?", [key(token)])), None)

    def participants(self) -> list[Participant]:
        return self._participants("ORDER BY number", [])

    def _participants(self, which: str, values: Sequence[Any]) -> list[Participant]:
        rows = self._reading.execute(
            f"SELECT number, source, agreed, nationality, dialect FROM participant {which}", values
        )
        return [Participant(number, source, bool(agreed), *rest) for number, source, agreed, *rest in rows]

    def chosen(self, participant: int) -> dict[int, str]:
        """Return question → the model that the participant chose."""
        return dict(self._reading.execute("SELECT question, chosen FROM answer WHERE participant = ?", [participant]))

    def given(self) -> list[Given]:
        rows = self._reading.execute(
            "SELECT participant, question, chosen, shown FROM answer ORDER BY participant, question"
        )
        return [
            Given(one, question, chosen, json.loads(shown) if shown else None) for one, question, chosen, shown in rows
        ]

    def close(self) -> None:
        self._reading.close()
        self._writing.close()
