"""Rate: measure a translator's quality and speed, by references and human ratings (Section 2.1, Tables 4 and 5).

Only records with a trusted reference are used; one without a usable translation scores 0 and is counted. The stage
writes a blind rating sheet; accuracy comes from the filled sheets of several raters, given as `rating.files`.
"""

import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.metrics.agreement import alpha, rated
from ain.metrics.text import bleu, chrf
from ain.rating import sheets
from ain.storage.manifest import read_manifest
from ain.storage.record import Row, Turns, reference
from ain.storage.shards import Shards
from ain.storage.tables import read_table, write_table
from ain.text.placeholders import core

TEXTS = ("id", "item", "original", "translation", "reference")
SCHEMA = pa.schema([*((name, pa.string()) for name in TEXTS), ("chrf", pa.float32()), ("similarity", pa.float32())])
ALONE = 25  # records translated one at a time, to measure a local translator's latency


def headline(counts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in counts.items() if value is not None and name not in ("kept", "rejected")}


def rate(collect: Path, translate: Path, rating: Any, verifier: Any, translator: Any, out: Path) -> dict[str, Any]:
    target = translator.target
    rows = _rows(collect, translate, target)
    if not rows:
        raise UserError(
            f"no record has a reference in {target} to rate by; take source=miniature, or give rows of your folder "
            f'`references`: {{"{target}": the conversation in that language}}'
        )
    scores = verifier.score([(row["original"], row["translation"]) for row in rows])
    for row, score in zip(rows, scores, strict=True):
        row["similarity"] = float(score) if row["translation"] else 0.0
        row["chrf"] = chrf([row["translation"]], [row["reference"]], target)
    Shards(out, SCHEMA).create().write(0, rows)
    write_table(out / "tables" / "translations.csv", rows)
    sheets.write([sheets.line(*(row[name] for name in TEXTS[1:])) for row in rows], out)
    counts = {**_scores(rows, target), **_people(rows, rating), **_time(collect, translate, translator)}
    write_table(out / "tables" / "translators.csv", [counts])
    return {"input": len(rows), "kept": len(rows), "rejected": 0, **counts}


def _rows(collect: Path, translate: Path, target: str) -> list[Row]:
    made = []
    for index in range(len(Shards(collect))):
        translations = Shards(translate).by_id(index, ["turns"])
        for record in Shards(collect).read(index, ["id", "language", "turns", "references"]):
            trusted = reference(record, target)
            if trusted and record["language"] != target:
                said = translations.get(record["id"], {}).get("turns") or []
                texts = {"original": _text(record["turns"]), "translation": _text(said), "reference": _text(trusted)}
                made.append({"id": record["id"], "item": sheets.item(translate, record["id"]), **texts})
    return made


def _text(turns: Turns) -> str:
    return "\n".join(f"{core(e['question'])[1] or e['question']}\n{e['answer']}" for e in turns)


def _scores(rows: list[Row], target: str) -> dict[str, Any]:
    made, references = [row["translation"] for row in rows], [row["reference"] for row in rows]
    return {
        "usable_pct": round(100 * sum(bool(text) for text in made) / len(rows), 1),
        "chrf": round(chrf(made, references, target), 2),
        "bleu": round(bleu(made, references, target), 2),
        "similarity": round(sum(row["similarity"] for row in rows) / len(rows), 4),
    }


def _people(rows: list[Row], rating: Any) -> dict[str, Any]:
    """Return the raters' accuracy in percent, its 95 % interval and their agreement; null without ratings."""
    ours = {row["item"] for row in rows}
    given = {rater: {name: value for name, value in of.items() if name in ours} for rater, of in rating.read().items()}
    untranslated = {row["item"]: 0.0 for row in rows if not row["translation"]}
    given = {rater: of | untranslated for rater, of in given.items() if of}
    if not given:
        return dict.fromkeys(("accuracy_pct", "accuracy_low", "accuracy_high", "raters", "alpha"))
    mean, low, high = (round(100 * value, 1) for value in rated(given))
    agreed = alpha(given)
    return {
        "accuracy_pct": mean,
        "accuracy_low": low,
        "accuracy_high": high,
        "raters": len(given),
        "alpha": None if agreed is None else round(agreed, 3),
    }


def _time(collect: Path, translate: Path, translator: Any) -> dict[str, Any]:
    """Return latency, of one record after the other as the paper timed it, and the stage's actual throughput."""
    counts = read_manifest(translate)["counts"]
    latency = counts.get("latency_s")
    if latency is None:
        latency = _alone(collect, translator) * counts["input"]
    usd = counts.get("answers_usd", 0.0)  # cost of the answers used, whichever run paid for them
    return {
        "time_s": round(latency, 3) if latency else None,  # unknown for batches
        "avg_s_per_sample": round(latency / counts["input"], 4) if latency else None,
        "samples_per_s": round(counts["input"] / max(counts["asking_s"], 0.01), 2),
        "usd": usd,
        "usd_per_1000": round(1000 * usd / counts["input"], 4),
    }


def _alone(collect: Path, translator: Any) -> float:
    """Return the seconds per record when translating one at a time, after a warm-up record."""
    rows = Shards(collect).read(0, ["language", "turns"])
    records = [row["turns"] for row in rows if row["language"] != translator.target][: ALONE + 1]
    spent = []
    for turns in records:
        started = time.perf_counter()
        translator.translate([text for turn in turns for text in turn.values()])
        spent.append(time.perf_counter() - started)
    return sum(spent[1:]) / len(spent[1:]) if len(spent) > 1 else spent[0]


def together(jobs: list[dict[str, Any]], where: Path) -> Path:
    """Write one table of all translators and one blind sheet of all their translations."""
    done = {job["label"]: Path(job["directories"]["rate"]) for job in jobs if job["status"] == "done"}
    rows = [{"translator": name, **read_table(path / "tables" / "translators.csv")[0]} for name, path in done.items()]
    write_table(where / "ratings" / "translators.csv", rows)
    sheets.write([row for path in done.values() for row in sheets.read_sheet(path)], where / "ratings")
    return where / "ratings"
