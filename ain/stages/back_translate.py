"""Back-translate: a sample of the Arabic into English again, and how much of the original came back (Section 2.2, Table 9).

What could not be translated back scores 0 and is counted. Scores are columns like verify's: null where not sampled.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa

from ain.metrics import overlap
from ain.protect import spoken
from ain.record import EXCHANGES, SCORES, Row, Shards
from ain.tables import write_table
from ain.translator import LookUp, Todo

METRICS = ("bleu_2", "bleu_4", "meteor", *overlap.ROUGE)
SCHEMA = pa.schema([("id", pa.string()), ("english", EXCHANGES), *((name, SCORES) for name in METRICS)])
PARTS = ("precision", "recall", "f1")


def back_translate(collect: Path, translate: Path, back_translation: Any, engine: Any, out: Path) -> dict[str, Any]:
    translations, shards = Shards(translate), Shards(out, SCHEMA, suffix="arrow").create()
    columns = ["id", "arabic"]
    chosen = back_translation.choose(row["id"] for row in translations.rows(columns) if row["arabic"])
    todo = Todo(
        lambda: ({"exchanges": row["arabic"]} for row in translations.rows(columns) if row["id"] in chosen), len(chosen)
    )
    look_up, account = back_translation.translator.over(todo, out, engine)
    made: list[tuple[str, str]] = []
    rouges: list[dict[str, tuple[float, float, float]]] = []
    failed = 0
    for index in range(len(translations)):
        english = Shards(collect).by_id(index, ["english"])
        rows = []
        for row in translations.read(index, columns):
            if row["id"] not in chosen:
                rows.append({"id": row["id"], "english": None, **dict.fromkeys(METRICS)})
                continue
            back = _back(row["arabic"], look_up)
            failed += not any(exchange["question"] for exchange in back)
            pairs = [(_text(b), _text(e)) for b, e in zip(back, english[row["id"]]["english"], strict=True)]
            found = [overlap.rouge(*pair) for pair in pairs]
            rows.append({"id": row["id"], "english": back, **_scores(pairs, found)})
            made += pairs
            rouges += found
        shards.write(index, rows)
    counts = _quality(made, rouges, out)
    total = shards.count()
    return {
        "input": total,
        "kept": total,
        "rejected": 0,
        "sampled": len(chosen),
        "failed": failed,
        **counts,
        **account(),
    }


def _back(arabic: list[Row], look_up: LookUp) -> list[Row]:
    back, reasons = look_up({"exchanges": arabic})
    return [{"question": "", "answer": ""} for _ in arabic] if reasons else back


def _text(exchange: Row) -> str:
    return f"{spoken(exchange['question'])} {spoken(exchange['answer'])}".strip()


def _scores(pairs: list[tuple[str, str]], rouges: list[dict[str, tuple[float, float, float]]]) -> Row:
    """One value an exchange; of ROUGE the F1."""
    return {
        "bleu_2": [overlap.sentence_bleu(*pair, order=2) for pair in pairs],
        "bleu_4": [overlap.sentence_bleu(*pair, order=4) for pair in pairs],
        "meteor": [overlap.meteor(*pair) for pair in pairs],
        **{name: [of[name][2] for of in rouges] for name in overlap.ROUGE},
    }


def _quality(
    pairs: list[tuple[str, str]], rouges: list[dict[str, tuple[float, float, float]]], out: Path
) -> dict[str, float]:
    """Table 9: BLEU of the sample as a corpus, means over its exchanges of the others; 0 to 1 for the thresholds."""
    if not pairs:
        return dict.fromkeys(METRICS, 0.0)
    made, originals = [one for one, _ in pairs], [other for _, other in pairs]
    scores = {f"bleu_{order}": overlap.bleu(made, originals, order) for order in (2, 4)}
    scores["meteor"] = sum(overlap.meteor(*pair) for pair in pairs) / len(pairs)
    means = {
        name: {part: sum(of[name][i] for of in rouges) / len(rouges) for i, part in enumerate(PARTS)}
        for name in overlap.ROUGE
    }
    rows = [{"metric": name, "score": _percent(value), **dict.fromkeys(PARTS)} for name, value in scores.items()]
    rows += [{"metric": name, "score": None, **{p: _percent(v) for p, v in of.items()}} for name, of in means.items()]
    write_table(out / "tables" / "quality.csv", rows)
    return {**scores, **{name: of["f1"] for name, of in means.items()}}


def _percent(value: float) -> float:
    return round(100 * value, 2)
