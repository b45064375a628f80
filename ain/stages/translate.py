"""Translate: Arabic for each record that has only English (Section 2.1). What no translator could use is turned away here."""

from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from ain import spoil
from ain.once import Once
from ain.protect import pieces, restored
from ain.record import EXCHANGES, Row, Shards, rejection

# `spoiled` names the damage done on purpose, null where none was. A record that is already Arabic has a null translation.
SCHEMA = pa.schema([("id", pa.string()), ("arabic", EXCHANGES), ("spoiled", pa.string())])


def translate(collect: Path, translator: Any, out: Path) -> dict[str, Any]:
    records, shards = Shards(collect), Shards(out, SCHEMA).create()
    once = Once(
        piece.text
        for row in records.rows(["english", "arabic"])
        for text in _texts(row)
        for piece in pieces(text)
        if piece.language
    )
    made = once.translate(out / "texts", translator.translate, "translate")
    others = _others(records) if translator.spoil else []
    for index in range(len(records)):
        if shards.done(index):
            continue
        kept, rejected = [], []
        for record in records.read(index):
            row, reasons = _record(record, lambda text: made[once.number[text]], translator.spoil, others)
            if reasons:
                rejected.append(rejection(record["id"], reasons))
            else:
                kept.append(row)
        shards.write(index, kept, rejected)
    return _counts(records, shards, len(once))


def _texts(row: Row) -> list[str]:
    return [] if row["arabic"] else [text for exchange in row["english"] for text in exchange.values()]


def _record(
    record: Row, translation: Any, shares: dict[str, float] | None, others: list[list[dict[str, str]]]
) -> tuple[Row, list[str]]:
    if record["arabic"]:
        return {"id": record["id"], "arabic": None, "spoiled": None}, []
    arabic: list[dict[str, str]] = []
    reasons: list[str] = []
    for number, exchange in enumerate(record["english"], 1):
        arabic.append({})
        for key, text in exchange.items():
            arabic[-1][key], reason = restored(text, translation)
            reasons += [f"{reason} ({key} {number})"] if reason else []
    kind = None
    if record["reference"] and shares and not reasons:  # never people's own data: it has no reference
        arabic, kind = spoil.record(shares, record["english"], arabic, others, Random(f"spoil {record['id']}"))
    return {"id": record["id"], "arabic": arabic, "spoiled": kind}, reasons


def _others(records: Shards) -> list[list[dict[str, str]]]:
    """References of other records, for spoiling by mismatch."""
    return [row["reference"] for row in records.read(0, ["reference"]) if row["reference"]]


def _counts(records: Shards, shards: Shards, texts: int) -> dict[str, Any]:
    kept, rejected = shards.count(), shards.count("rejected")
    already = sum(row["arabic"] is None for row in shards.rows(["arabic"]))
    spoiled = sum(row["spoiled"] is not None for row in shards.rows(["spoiled"]))
    return {
        "input": records.count(),
        "kept": kept,
        "rejected": rejected,
        "already_arabic": already,
        "distinct_texts": texts,
        "spoiled": spoiled,
    }
