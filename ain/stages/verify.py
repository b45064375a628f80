"""Verify: score each translated exchange; nothing is judged here (Section 2.2).

An exchange is one text, the question with its answer: the similarity of a lone «نعم» means nothing.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from ain.metrics.checks import length, same_numbers, script
from ain.once import Once
from ain.protect import pieces
from ain.record import SCORES, Row, Shards
from ain.tables import write_table

CHECKS = ("digits", "script", "length")
SCHEMA = pa.schema([("id", pa.string()), ("similarity", SCORES), *((name, SCORES) for name in CHECKS)])
PROBES = Path(__file__).resolve().parents[2] / "experiments" / "paper" / "probe_pairs.yml"


def verify(collect: Path, translate: Path, verifier: Any, out: Path) -> dict[str, Any]:
    records, translations, shards = Shards(collect), Shards(translate), Shards(out, SCHEMA).create()
    texts = (
        text
        for index in range(len(records))
        for _, english, arabic in _pairs(records, translations, index)
        for text in (*english, *arabic)
    )
    once = Once(texts)
    vector = once.embed(out / "vectors", verifier.embed, "verify")
    for index in range(len(records)):
        if not shards.done(index):
            shards.write(
                index,
                [
                    _scores(row, english, arabic, vector)
                    for row, english, arabic in _pairs(records, translations, index)
                ],
            )
    _probe(verifier, out)
    rows = shards.count()
    return {"input": rows, "kept": rows, "rejected": 0, "distinct_texts": len(once)}


def _pairs(records: Shards, translations: Shards, index: int) -> list[tuple[Row, list[str], list[str]]]:
    """(row, English, Arabic) for each record with a translation, exchanges joined to texts; empty lists for one without."""
    english = records.by_id(index, ["english"])
    return [
        (
            row,
            [_text(exchange) for exchange in english[row["id"]]["english"]],
            [_text(exchange) for exchange in row["arabic"]],
        )
        if row["arabic"]
        else (row, [], [])
        for row in translations.read(index)
    ]


def _text(exchange: dict[str, str]) -> str:
    """Question and answer without placeholders, which are alike in all languages."""
    said = (
        "".join(piece.text for piece in pieces(text) if piece.language or not piece.text.startswith("<")).strip()
        for text in exchange.values()
    )
    return " ".join(said)


def _scores(row: Row, english: list[str], arabic: list[str], vector: Any) -> Row:
    if not english:
        return {"id": row["id"], "similarity": None, **dict.fromkeys(CHECKS)}
    pairs = list(zip(english, arabic, strict=True))
    return {
        "id": row["id"],
        "similarity": [float(vector(one) @ vector(other)) for one, other in pairs],
        "digits": [same_numbers(one, other) for one, other in pairs],
        "script": [script(other) for _, other in pairs],
        "length": [length(one, other) for one, other in pairs],
    }


def _probe(verifier: Any, out: Path) -> None:
    """The paper's probe pairs (Tables 6 to 8) by this verifier, beside what Fig. 14 prints for LaBSE."""
    paper = yaml.safe_load(PROBES.read_text(encoding="utf-8"))
    labse = paper["encoders"].index("labse")
    pairs = paper["pairs"]
    english, arabic = verifier.embed([pair["en"] for pair in pairs]), verifier.embed([pair["ar"] for pair in pairs])
    write_table(
        out / "tables" / "probe_pairs.csv",
        [
            {
                "pair": pair["ref"],
                "english": pair["en"],
                "arabic": pair["ar"],
                "correct": pair["correct"],
                "criterion": pair["criterion"],
                "similarity": round(float(one @ other), 4),
                "labse_in_paper": pair["fig14"][labse] if "fig14" in pair else None,
            }
            for pair, one, other in zip(pairs, english, arabic, strict=True)
        ],
    )
