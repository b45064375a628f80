"""A person's verdicts on single records: `overrides=FILE`, an input of select.

accept keeps a translation in spite of all rules on it, reject rejects it, correct puts the person's text in its place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field

from ain import UserError
from ain.storage import spreadsheets
from ain.storage.digests import digest
from ain.storage.record import TURNS, Row, Turns
from ain.storage.shards import Shards
from ain.text.numbers import western_digits
from ain.text.placeholders import lost, placed

VERDICTS = ("accept", "reject", "correct")
FIELDS = ("question", "answer")
# language: the one translated into; null if the record has no translation. turns: what stands in place of translate's.
SCHEMA = pa.schema([*((name, pa.string()) for name in ("id", "verdict", "note", "language")), ("turns", TURNS)])


@dataclass(frozen=True)
class Override:
    """A person's verdict. turns: number of a turn, from 1 → its corrected texts; 0: the record's only turn."""

    id: str
    verdict: str
    note: str
    where: str
    turns: dict[int, dict[str, str]] = field(default_factory=dict)
    count: int | None = None  # of turns, where all are given


class Overrides:
    """Reads the verdicts of a CSV, XLSX or JSON lines file with the columns id, verdict and, where wanted, note.

    A row without a verdict has not been reviewed and counts for nothing. correct gives `question` and `answer` of a
    `turn` (from 1), one row for each corrected turn, or in JSON lines all `turns`. What is left empty stays as translated.
    """

    def __init__(self, path: Annotated[str, Field(min_length=1)]) -> None:
        self.path = Path(path).expanduser()

    def digest(self) -> str:
        """Return the digest of what the file says, which is the same in every format and order of rows."""
        said = [[one.id, one.verdict, one.note, sorted(one.turns.items()), one.count] for one in self.rows.values()]
        return digest(sorted(said))

    @property
    def places(self) -> dict[str, str]:
        """Return where each id stands."""
        return {name: one.where for name, one in self.rows.items()}

    @cached_property
    def rows(self) -> dict[str, Override]:
        """The verdicts, by the record's id. Raises UserError, naming file and row, for what is no verdict."""
        found: dict[str, Override] = {}
        for one in self._read():
            before = found.get(one.id)
            if before is None:
                found[one.id] = one
            elif one.verdict == before.verdict == "correct" and not one.turns.keys() & before.turns.keys():
                before.turns.update(one.turns)
            else:
                raise UserError(f"{one.where}: {one.id} has a verdict in {before.where} already; remove one of them")
        return found

    def _read(self) -> Iterator[Override]:
        for number, row in spreadsheets.rows(self.path, "overrides", "file of verdicts", ("id", "verdict")):
            where = f"{self.path}, row {number}"
            name, verdict, note = (spreadsheets.text(row.get(column), where) for column in ("id", "verdict", "note"))
            if not verdict:
                continue
            if verdict.lower() not in VERDICTS:
                raise UserError(f"{where}: verdict {verdict}: choose accept, reject or correct")
            if not name:
                raise UserError(f"{where}: the id is empty")
            turns, count = _corrected(row, where) if verdict.lower() == "correct" else ({}, None)
            yield Override(name, verdict.lower(), note, where, turns, count)

    def settled(self, collect: Path, translate: Path | None) -> list[Row]:
        """Return a row of SCHEMA for each verdict on a record of this collection.

        Raise UserError, naming file and row, for a verdict that does not fit its record.
        """
        records, made = Shards(collect), []
        for index in range(len(records)):
            names = [row["id"] for row in records.read(index, ["id"]) if row["id"] in self.rows]
            if not names:
                continue
            originals, columns = records.by_id(index, ["turns"]), ["language", "turns"]
            kept, refused = (
                Shards(translate).by_id(index, columns, part) if translate else {} for part in ("kept", "rejected")
            )
            for name in names:
                given = (kept.get(name) or refused.get(name, {})) | {"kept": name in kept}
                made.append(_settled(self.rows[name], originals[name]["turns"], given))
        return made


def _corrected(row: Row, where: str) -> tuple[dict[int, dict[str, str]], int | None]:
    """Return the corrected turns by their numbers, and how many the record must have, where that is known."""
    if "turns" in row:
        turns = row["turns"]
        if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
            raise UserError(f'{where}: expected "turns": [{{"question": "...", "answer": "..."}}]')
        return {number: _texts(turn, where) for number, turn in enumerate(turns, 1)}, len(turns)
    number = western_digits(spreadsheets.text(row.get("turn"), where))
    if number and not (number.isdecimal() and int(number) > 0):
        raise UserError(f"{where}: turn {number}: expected a whole number from 1")
    texts = _texts(row, where)
    if not texts:
        raise UserError(f"{where}: correct needs a question or an answer")
    return {int(number or 0): texts}, None


def _texts(row: Row, where: str) -> dict[str, str]:
    return {name: said for name in FIELDS if (said := spreadsheets.text(row.get(name), where))}


def _settled(one: Override, original: Turns, given: dict[str, Any]) -> Row:
    """given: translate's row, `kept` or rejected with the translation that it could not use, if any."""
    row: Row = {"id": one.id, "verdict": one.verdict, "note": one.note, "language": None, "turns": None}
    if "language" not in given or (given["kept"] and not given["turns"]):
        if one.verdict == "correct":
            raise UserError(f"{one.where}: {one.id} is not translated by this job, so there is nothing to correct")
        return row
    row["language"] = given["language"]
    if one.verdict == "accept" and not given["kept"]:
        row["turns"] = given["turns"] or _blank(original)
        if reason := _incomplete(original, row["turns"]):
            raise UserError(f"{one.where}: {one.id} has no whole translation to accept ({reason}); correct it")
    if one.verdict == "correct":
        row["turns"] = _replaced(one, original, given["turns"] or _blank(original))
    return row


def _blank(original: Turns) -> Turns:
    return [dict.fromkeys(FIELDS, "") for _ in original]


def _replaced(one: Override, original: Turns, made: Turns) -> Turns:
    """Return the translation with the corrected texts in place."""
    count = len(original)
    if one.count not in (None, count):
        raise UserError(f"{one.where}: {one.count} turns for the {count} of {one.id}")
    if 0 in one.turns and (count > 1 or len(one.turns) > 1):
        raise UserError(f"{one.where}: {one.id} has {count} turns; write into `turn` which one is corrected")
    if wrong := next((number for number in one.turns if number > count), None):
        raise UserError(f"{one.where}: turn {wrong}: {one.id} has {count}")
    corrected = {number or 1: texts for number, texts in one.turns.items()}
    turns = [turn | corrected.get(number, {}) for number, turn in enumerate(made, 1)]
    if reason := _incomplete(original, turns) or _lost(original, corrected):
        raise UserError(f"{one.where}: {one.id}: {reason}")
    return turns


def _incomplete(original: Turns, made: Turns) -> str | None:
    """Return what a translation lacks that no training can do without, or None."""
    for number, (turn, other) in enumerate(zip(original, made, strict=True), 1):
        for name in FIELDS:
            if turn[name].strip() and not (other.get(name) or "").strip():
                return f"no {name} in turn {number}"
    wanted, found = placed(original), placed(made)
    return (
        None if wanted == found else f"expected {' '.join(wanted) or 'no placeholder'} in the questions, in this order"
    )


def _lost(original: Turns, corrected: dict[int, dict[str, str]]) -> str | None:
    for number, texts in sorted(corrected.items()):
        for name, said in texts.items():
            if (piece := lost(original[number - 1][name], said)) is not None:
                return f"lost: {piece} ({name} of turn {number})"
    return None


def texts(select: Path) -> dict[str, Row]:
    """Return id → `language` and `turns`, of the translations that a person put in place of translate's."""
    return {row["id"]: row for row in Shards(select / "overrides").rows() if row["turns"]}
