"""Rate: measure a translator's quality and speed, by references and human ratings (Section 2.1, Tables 4 and 5).

Only records with a trusted reference are used; one without a usable translation scores 0 and is counted. Latency is
measured one request at a time, apart from the translations, whose throughput is that of the translate stage. The stage
writes a blind rating sheet; accuracy comes from the filled sheets of several raters, given as `rating.files`.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.metrics.agreement import alpha, rated
from ain.metrics.text import bleu, chrf
from ain.rating import sheets
from ain.runtime.console import log
from ain.storage.ledger import Ledger
from ain.storage.manifest import read_manifest
from ain.storage.record import Row, Turns, reference
from ain.storage.shards import Shards
from ain.storage.tables import read_table, write_table
from ain.text.placeholders import core
from ain.translator.latency import OneByOne

TEXTS = ("id", "item", "original", "translation", "reference")
RATERS = "needs raters: fill in copies of rating_sheet.xlsx and add rating.files=[FIRST,SECOND] to the command"
SCHEMA = pa.schema([*((name, pa.string()) for name in TEXTS), ("chrf", pa.float32()), ("similarity", pa.float32())])


def headline(counts: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: value for name, value in counts.items() if isinstance(value, int | float)}
    return {name: value for name, value in numbers.items() if name not in ("kept", "rejected")}


def measures(counts: dict[str, Any], out: Path) -> Iterator[dict[str, Any]]:
    """Yield a translator's numbers."""
    reasons = counts["unknown"] | {"latency_total_s": counts["unknown"].get("latency_s")}
    for name in ("latency_total_s", "latency_s"):
        yield {"metric": name, "value": counts[name], "n": counts["latency_samples"], "why": reasons.get(name)}
    for name in ("throughput_per_s", "usd_per_1000", "usable_pct", "chrf", "bleu", "similarity"):
        yield {"metric": name, "value": counts[name], "n": counts["input"], "why": reasons.get(name)}
    people = {"value": counts["accuracy_pct"], "low": counts["accuracy_low"], "high": counts["accuracy_high"]}
    yield {"metric": "accuracy_pct", **people, "n": counts["input"], "why": None if counts["raters"] else RATERS}


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
    counts = {
        **_scores(rows, target),
        **_people(rows, rating),
        **_time(collect, translate, translator, rating.timed, out),
    }
    unknown = [f"no {name}: {reason}" for name, reason in counts["unknown"].items()]
    for sentence in unknown:
        log.warning(f"warning: rate has {sentence}")
    write_table(out / "tables" / "translators.csv", [{**counts, "unknown": "; ".join(unknown) or None}])
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


def _time(collect: Path, translate: Path, translator: Any, count: int, out: Path) -> dict[str, Any]:
    """Return latency, of a few records one after the other; throughput, of all as they were translated; and cost.

    What could not be timed is null, with the reason under `unknown`. The paper does not say which of the two it prints.
    """
    counts, rows = read_manifest(translate)["counts"], _sample(Shards(collect).rows(_READ), translator.target, count)
    found = translator.one_by_one(rows[:1] + rows, out, translate.name) if rows else "rating.timed=0"
    spent = [] if isinstance(found, str) else found[1:]  # the first was to warm up
    records, usd = counts["timed_records"], counts.get("answers_usd", 0.0)  # usd: whichever run paid for the answers
    unknown = {} if spent else {"latency_s": str(found)}
    if not records:
        unknown["throughput_per_s"] = "translate found its answers made already, or some of them"
    return {
        "latency_s": round(sum(spent) / len(spent), 4) if spent else None,
        "latency_total_s": round(sum(spent), 3) if spent else None,
        "latency_samples": len(spent),
        "throughput_per_s": round(records / max(counts["asking_s"], 0.001), 2) if records else None,
        "usd": usd,
        "usd_per_1000": round(1000 * usd / counts["input"], 4),
        "unknown": unknown,
    }


_READ = ["id", "language", "turns", "references"]


def _sample(rows: Iterable[Row], target: str, count: int) -> list[Row]:
    """Return the first records that are rated."""
    rated = (row for row in rows if row["language"] != target and reference(row, target))
    return [{name: row[name] for name in ("language", "turns")} for row in islice(rated, count)]


def estimate(
    collect: Path | None, translate: Path | None, source: Any, translator: Any, rating: Any, output_dir: Path
) -> Iterator[str]:
    """Return the line on the requests that measure the latency, for a dry run."""
    if rating.timed and hasattr(translator, "estimate"):
        read = (
            Shards(collect).rows(_READ) if collect else (found.record for found in source.rows() if not found.reasons)
        )
        rows, known = _sample(read, translator.target, rating.timed), output_dir / "ledger.sqlite"
        ledger = Ledger(known) if translate and known.exists() else None
        expected = OneByOne(translator, rows[:1] + rows, translate.name if translate else "").estimate(ledger)
        if expected.requests:
            yield expected.one_by_one()


def together(jobs: list[dict[str, Any]], where: Path) -> Path:
    """Write one table of all translators and one blind sheet of all their translations."""
    done = {job["label"]: Path(job["directories"]["rate"]) for job in jobs if job["status"] == "done"}
    rows = [{"translator": name, **read_table(path / "tables" / "translators.csv")[0]} for name, path in done.items()]
    write_table(where / "ratings" / "translators.csv", rows)
    sheets.write([row for path in done.values() for row in sheets.read_sheet(path)], where / "ratings")
    return where / "ratings"
