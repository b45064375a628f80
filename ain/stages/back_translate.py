"""Back-translate: translate a sample back into the original's language and compare the two (Section 2.2, Table 9).

A failed back-translation scores 0 and is counted. Scores are columns like verify's, null for records not sampled.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.back_translation.quality import COLUMNS, METRICS, PARTS, Quality
from ain.metrics import overlap
from ain.storage.ledger import Ledger
from ain.storage.record import SCORES, TURNS, Row
from ain.storage.shards import Shards
from ain.storage.tables import read_table, write_table
from ain.text.placeholders import turn_text
from ain.translator import Todo, Translations

SCHEMA = pa.schema([("id", pa.string()), ("turns", TURNS), *((name, SCORES) for name in COLUMNS)])
TITLE = "Translated back"
SHOWN = {"quality": "Against the original, in percent (Table 9). METEOR is without synonyms."}


def back_translate(collect: Path, translate: Path, back_translation: Any, engine: Any, out: Path) -> dict[str, Any]:
    """Translate a sample back, score it and return the counts.

    Only records whose original is in the back-translator's target language are sampled: others cannot be compared.
    """
    translations, shards = Shards(translate), Shards(out, SCHEMA, suffix="arrow").create()
    target = back_translation.translator.target
    chosen = back_translation.choose(_translated(Shards(collect), translations, target))
    columns = ["id", "language", "turns"]
    todo = Todo(lambda: (row for row in translations.rows(columns) if row["id"] in chosen), len(chosen))
    translations_back = back_translation.translator.run(todo, out, engine)
    for index in range(len(translations)):
        if not shards.done(index):
            originals = Shards(collect).by_id(index, ["turns"])
            rows = (
                _row(row, originals[row["id"]]["turns"], translations_back, target)
                if row["id"] in chosen
                else {"id": row["id"]}
                for row in translations.read(index, columns)
            )
            shards.write(index, list(rows))
    counts = _quality(collect, shards, len(chosen), target, out)
    total = shards.count()
    return {
        "input": total,
        "kept": total,
        "rejected": 0,
        "language": target,
        "sampled": len(chosen),
        **counts,
        **translations_back.usage(),
    }


def _translated(records: Shards, translations: Shards, language: str) -> Iterator[str]:
    """Yield the ids of records in this language that have a translation."""
    for index in range(len(translations)):
        of = records.by_id(index, ["language"])
        for row in translations.read(index, ["id", "turns"]):
            if row["turns"] and of[row["id"]]["language"] == language:
                yield row["id"]


def _row(row: Row, original: list[Row], made: Translations, language: str) -> Row:
    back = _back(row, made)
    pairs = [(turn_text(one), turn_text(other)) for one, other in zip(back, original, strict=True)]
    rouges = [overlap.rouge(*pair) for pair in pairs]
    return {
        "id": row["id"],
        "turns": back,
        "bleu_2": [overlap.sentence_bleu(*pair, 2, language) for pair in pairs],
        "bleu_4": [overlap.sentence_bleu(*pair, 4, language) for pair in pairs],
        "meteor": [overlap.meteor(*pair, language) for pair in pairs],
        **{name: [of[name][2] for of in rouges] for name in overlap.ROUGE},
        **{
            f"{name}_{part}": [of[name][i] for of in rouges]
            for name in overlap.ROUGE
            for i, part in enumerate(PARTS[:2])
        },
    }


def _back(row: Row, made: Translations) -> list[Row]:
    back, reasons = made.of(row)
    return [{"question": "", "answer": ""} for _ in row["turns"]] if reasons else back


def _quality(collect: Path, shards: Shards, sampled: int, language: str, out: Path) -> dict[str, float]:
    """Write Table 9 and return its values, scaled 0 to 1 for the thresholds."""
    quality = Quality(language)
    for index in range(len(shards)):
        rows = [row for row in shards.read(index) if row["turns"] is not None]
        originals = Shards(collect).by_id(index, ["turns"]) if rows else {}
        for row in rows:
            quality.add(row, originals[row["id"]]["turns"])
    means = quality.means()
    table = [{"metric": name, "score": _percent(means[name]), **dict.fromkeys(PARTS)} for name in METRICS[:3]]
    for name in overlap.ROUGE:
        parts = dict(zip(PARTS, (means[f"{name}_precision"], means[f"{name}_recall"], means[name]), strict=True))
        table.append({"metric": name, "score": None, **{part: _percent(value) for part, value in parts.items()}})
    if sampled:
        write_table(out / "tables" / "quality.csv", table)
    return {"failed": quality.failed, **{name: means[name] for name in METRICS}}


def measures(counts: dict[str, Any], out: Path) -> Iterator[Row]:
    """Yield the numbers of Table 9: by metric, and by part (score, or precision, recall and f1)."""
    table = read_table(out / "tables" / "quality.csv") if counts["sampled"] else []
    for row in table:
        for part in ("score", *PARTS):
            if row[part] is not None:
                yield {"metric": row["metric"], "part": part, "value": row[part], "n": counts["sampled"]}


def _percent(value: float) -> float:
    return round(100 * value, 2)


def estimate(collect: Path | None, source: Any, back_translation: Any, output_dir: Path) -> list[str]:
    """Return the estimate of translating the sample back, for a dry run, as if translations were as long as originals."""
    translator: Any = getattr(back_translation, "translator", None)
    if not hasattr(translator, "estimate"):
        return []
    rows = Shards(collect).rows(["id", "language", "turns"]) if collect else _usable(source)
    sample = islice((row for row in rows if row["language"] == translator.target), back_translation.records)
    known = output_dir / "ledger.sqlite"
    todo = ({"language": None, "turns": row["turns"]} for row in sample)
    return list(translator.estimate(todo, Ledger(known) if known.exists() else None).lines())


def _usable(source: Any) -> Iterator[Row]:
    return (found.record for found in source.rows() if not found.reasons)


def check(back_translation: Any) -> None:
    if not getattr(back_translation, "translator", None):
        raise UserError(
            "back_translation=none: no translator is configured; choose another, as back_translation=miniature"
        )
    if gone := getattr(back_translation.translator, "gone", None):
        raise gone


def said(counts: dict[str, Any]) -> str:
    return f"{counts['sampled']:,} records were translated back; {counts['failed']:,} of them could not be."
