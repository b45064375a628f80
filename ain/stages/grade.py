"""Grade: score the answers of a model by rule, without the model; every question counts, also one without an answer.

A benchmark that is published without labels is graded by those in `benchmark.labels`. The answers are written for its authors
either way.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.benchmark import Benchmark
from ain.benchmark.answers import ANSWERED
from ain.benchmark.labels import read_labels
from ain.metrics.bootstrap import clustered
from ain.metrics.outcomes import ENDED
from ain.scorer import Grade
from ain.storage.files import replace_file
from ain.storage.manifest import read_manifest
from ain.storage.record import Row
from ain.storage.shards import Shards
from ain.storage.tables import Table, read_table, write_table

SUBMISSION = "submission.jsonl"
ALL = "all"  # domains together
READ = ("id", "domain", "language", "kind", "images", "media", "finish", "parsed")


def grade(predict: Path, benchmark: Benchmark, out: Path) -> dict[str, Any]:
    """Score all answers and return the counts. A question without a label has no score, and is counted."""
    answers, columns = Shards(predict), _columns(benchmark)
    schema = [*ANSWERED, pa.field("parsed", pa.string()), *(pa.field(name, pa.float32()) for name in columns)]
    shards = Shards(out, pa.schema(schema)).create()
    labels = read_labels(Path(benchmark.labels)) if benchmark.labels else {}
    for index in range(len(answers)):
        if not shards.done(index):
            shards.write(index, [_graded(row, benchmark, labels.get(row["id"])) for row in answers.read(index)])
    rows = list(shards.rows([*READ, *columns]))
    table = _by_domain(rows, columns)
    write_table(out / "tables" / "accuracy.csv", table)
    write_table(out / "tables" / "subdomains.csv", _by_kind(rows, columns))
    replace_file(out / SUBMISSION, partial(_submission, shards))
    asked = read_manifest(predict)["counts"]
    return {
        "input": answers.count(),
        "kept": len(rows),
        "rejected": 0,
        **{name: asked[name] for name in ("model", "benchmark")},
        **_said(rows, labels),
        "accuracy": _nested(table),
    }


def _columns(benchmark: Benchmark) -> list[str]:
    """Return the names of the columns of scores, the main one first."""
    return ["score", *(["official"] if benchmark.official else []), *benchmark.also]


def _graded(row: Row, benchmark: Benchmark, given: tuple[str, ...] | None) -> Row:
    labels = list(given) if given is not None else row["labels"]
    row = {**row, "labels": labels}
    scorers = {"score": benchmark.scorer, "official": benchmark.official, **benchmark.also}
    grades = {name: _grade(row, scorer) for name, scorer in scorers.items() if scorer} if labels else {}
    parsed = grades["score"].parsed if grades else None
    return {**row, "parsed": parsed, **{name: found.score for name, found in grades.items()}}


def _grade(row: Row, scorer: Any) -> Grade:
    if not row["prediction"].strip():
        return Grade(0.0, None)
    return scorer(row["prediction"], row["labels"], row["options"], row["language"])  # type: ignore[no-any-return]


def _submission(shards: Shards, path: Path) -> None:
    """Write the answers for a benchmark's authors: what they need to score them, a question a line."""
    names = ["id", "domain", "kind", "images", "question", "prediction"]
    with open(path, "w", encoding="utf-8") as file:
        for row in shards.rows(names):
            if row.pop("images") == "shown":
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _by_domain(rows: list[Row], columns: list[str]) -> Table:
    """Return a row for each language, condition and domain, and for all domains."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        for domain in (row["domain"], ALL):
            groups[row["language"], row["images"], domain].append(row)
    names = ("language", "images", "domain")
    return [{**dict(zip(names, group, strict=True)), **_measured(of, columns)} for group, of in groups.items()]


def _by_kind(rows: list[Row], columns: list[str]) -> Table:
    """Return a row for each sub-domain of a domain, of the questions with their own images."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["images"] == "shown":
            groups[row["language"], row["domain"], row["kind"]].append(row)
    names = ("language", "domain", "kind")
    return [{**dict(zip(names, group, strict=True)), **_measured(of, columns)} for group, of in groups.items()]


def _measured(rows: list[Row], columns: list[str]) -> Row:
    """Return accuracy in percent with a 95 % bootstrap interval over images, the means of further scores, and counts.

    Questions about one image are drawn together, because their answers are correlated. Only labelled questions have a
    score; those that got no answer score 0.
    """
    labelled = [row for row in rows if row["score"] is not None]
    images: dict[Any, list[float]] = defaultdict(list)
    for row in labelled:
        images[tuple(row["media"]) or row["id"]].append(row["score"])
    mean, low, high = (_percent(value) for value in clustered(list(images.values()))) if labelled else (None,) * 3
    further = {name: _percent(sum(row[name] for row in labelled) / len(labelled)) for name in columns[1:] if labelled}
    return {
        "accuracy": mean,
        "low": low,
        "high": high,
        **further,
        "questions": len(rows),
        "labelled": len(labelled),
        **_faults(labelled),
    }


def _faults(rows: Iterable[Row]) -> dict[str, int]:
    """Count answers that could not be read, that were cut off, and questions without an answer."""
    counts = {"unparsed": 0, "truncated": 0, "unanswered": 0}
    for row in rows:
        counts["unanswered"] += row["finish"] not in ENDED
        counts["truncated"] += row["finish"] == "length"
        counts["unparsed"] += row["finish"] in ENDED and row["parsed"] is None
    return counts


def _percent(share: float) -> float:
    return round(100 * share, 1)


def _said(rows: list[Row], labels: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return how many questions have labels, how many labels belong to no question, and where both rules differ."""
    scored = [row for row in rows if row["score"] is not None]
    made: dict[str, Any] = {"labelled": len(scored), **_faults(scored)}
    if labels:
        made["labels without a question"] = len(labels.keys() - {row["id"] for row in rows})
    if scored and "official" in scored[0]:
        made["official differs"] = sum(row["official"] != row["score"] for row in scored)
    return made


def _nested(table: Table) -> dict[str, dict[str, dict[str, float]]]:
    """Return images → language → domain → accuracy in percent."""
    made: dict[str, dict[str, dict[str, float]]] = {}
    for row in table:
        if row["accuracy"] is not None:
            made.setdefault(row["images"], {}).setdefault(row["language"], {})[row["domain"]] = row["accuracy"]
    return made


def check(benchmark: Benchmark) -> None:
    """Refuse to grade without a rule."""
    if benchmark.scorer is None:
        raise UserError(
            f"benchmark={benchmark.name}: no scorer; set benchmark.scorer to one, as {{_target_: ain.scorer.texts.exact}}"
        )


def scalars(counts: dict[str, Any], out: Path) -> dict[str, Any]:
    """Return `miniature/tuned/ar/all/accuracy` ... from the table, and the rest of the counts as `miniature/tuned/labelled`.
    Conditions other than `shown` come after the domain."""
    keys, model = ("language", "images", "domain"), f"{counts['benchmark']}/{counts['model']}"
    made = {f"{model}/{name}": value for name, value in counts.items() if name != "accuracy"}
    for row in read_table(out / "tables" / "accuracy.csv"):
        place = [model, row["language"], row["domain"], *([] if row["images"] == "shown" else [row["images"]])]
        made |= {"/".join([*place, name]): value for name, value in row.items() if name not in keys}
    return made


def headline(counts: dict[str, Any]) -> dict[str, float]:
    """Return `base ar`, `tuned ar shuffled` ... → accuracy in percent."""
    return {
        " ".join([counts["model"], language, *([] if images == "shown" else [images])]): of[ALL]
        for images, by_language in counts["accuracy"].items()
        for language, of in by_language.items()
    }
