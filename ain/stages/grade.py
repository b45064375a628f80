"""Grade: score the answers of a model by rule, without the model; every question counts, also one without an answer.

Of benchmarks with open answers (`judged`), a judge decides about those that the rules do not find right. A benchmark that is
published without labels is graded by those in `benchmark.labels`. The answers are written for its authors either way.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from sys import intern
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.benchmark import Benchmark
from ain.benchmark.answers import ANSWERED
from ain.benchmark.estimated import SAMPLE, uncounted
from ain.benchmark.harness import Harness
from ain.benchmark.labels import read_labels
from ain.judge import Judge
from ain.judge.judging import COLUMNS, Judging, case
from ain.judge.rules import Rules
from ain.metrics.accuracy import ALL, by_domain, by_kind, faults, nested, own_numbers
from ain.scorer import Grade
from ain.storage.files import replace_file
from ain.storage.manifest import read_manifest
from ain.storage.record import Row
from ain.storage.shards import Shards
from ain.storage.tables import Table, read_table, write_table

SUBMISSION = "submission.jsonl"
READ = ("id", "domain", "language", "kind", "group", "images", "media", "finish", "parsed", *COLUMNS)
RULES = Rules()
LETTER = "ح" * 3  # of about one token
TITLE = "How answers were graded"
SHOWN = {
    "metrics": "The benchmark's own numbers, over labelled questions with their own images.",
    "agreement": "Answers on which two agree, in percent: rules, judge, people, and the grade that counts.",
    "unjudged": "Answers without a usable verdict of the judge, which score 0.",
}


def grade(predict: Path, benchmark: Benchmark, out: Path, judge: Judge = RULES) -> dict[str, Any]:
    """Score all answers and return the counts. A question without a label has no score, and is counted."""
    answers, columns = Shards(predict), _columns(benchmark)
    shards = Shards(out, _schema(columns)).create()
    labels = read_labels(Path(benchmark.labels)) if benchmark.labels else {}
    asked = read_manifest(predict)["counts"]
    judging = Judging(judge, benchmark, asked["model"])
    judging.ask(_ruled(answers, benchmark, labels), out)
    for index in range(len(answers)):
        if not shards.done(index):
            shards.write(index, [judging.graded(row) for row in _ruled(answers, benchmark, labels, index)])
    rows = [_slim(row) for row in shards.rows([*READ, *columns])]
    accuracies = by_domain(rows, columns)
    write_table(out / "tables" / "accuracy.csv", accuracies)
    write_table(out / "tables" / "subdomains.csv", by_kind(rows, columns))
    own = own_numbers(rows, benchmark.metrics) if benchmark.metrics else []
    if own:
        write_table(out / "tables" / "metrics.csv", own)
    replace_file(out / SUBMISSION, partial(_submission, shards))
    return {
        "input": answers.count(),
        "kept": len(rows),
        "rejected": 0,
        **{name: asked[name] for name in ("model", "benchmark")},
        **_said(rows, labels),
        **judging.counts(rows, out),
        "accuracy": nested(accuracies),
        **({"metrics": {" ".join([row["language"], row["metric"]]): row["value"] for row in own}} if own else {}),
    }


def _slim(row: Row) -> Row:
    """Return a row as tables need it, so that memory hardly grows with the number of questions."""
    texts = {
        name: intern(value)
        for name, value in row.items()
        if isinstance(value, str) and name not in ("id", "group", "parsed")
    }
    parsed = None if row["parsed"] is None else True
    return {**row, **texts, "parsed": parsed, "media": hash(tuple(row["media"])) if row["media"] else row["id"]}


def _schema(columns: list[str]) -> pa.Schema:
    scores = (pa.field(name, pa.float32()) for name in columns)
    return pa.schema([*ANSWERED, pa.field("parsed", pa.string()), *COLUMNS.items(), *scores])


def _columns(benchmark: Benchmark) -> list[str]:
    """Return the names of the columns of scores, the main one first."""
    return ["score", *(["official"] if benchmark.official else []), *benchmark.also]


def _ruled(
    answers: Shards, benchmark: Benchmark, labels: dict[str, tuple[str, ...]], index: int | None = None
) -> Iterator[Row]:
    """Yield the answers, all or those of one shard, with their scores by the rules."""
    rows = answers.rows() if index is None else answers.read(index)
    return (_by_rules(row, benchmark, labels.get(row["id"])) for row in rows)


def _by_rules(row: Row, benchmark: Benchmark, given: tuple[str, ...] | None) -> Row:
    labels = list(given) if given is not None else row["labels"]
    row = {**row, "labels": labels}
    scorers = {"score": benchmark.scorer, "official": benchmark.official, **benchmark.also}
    if not labels:
        return row
    if row["measured"]:
        grades = {name: Grade(score, row["prediction"]) for name, score in json.loads(row["measured"]).items()}
    else:
        grades = {name: _grade(row, scorer) for name, scorer in scorers.items() if scorer}
    scores = {name: found.score for name, found in grades.items()}
    return {**row, "parsed": grades["score"].parsed, "graded_by": "rules", "rules": scores["score"], **scores}


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


def _said(rows: list[Row], labels: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return how many questions have labels, how many labels belong to no question, and where both rules differ."""
    scored = [row for row in rows if row["score"] is not None]
    made: dict[str, Any] = {"labelled": len(scored), **faults(scored)}
    if labels:
        made["labels without a question"] = len(labels.keys() - {row["id"] for row in rows})
    if scored and "official" in scored[0]:
        made["official differs"] = sum(row["official"] != row["score"] for row in scored)
    return made


def check(benchmark: Benchmark, judge: Judge = RULES) -> None:
    """Refuse to grade without a rule, and a judge that was shut down."""
    if benchmark.scorer is None and not isinstance(benchmark, Harness):
        raise UserError(
            f"benchmark={benchmark.name}: no scorer; set benchmark.scorer to one, as {{_target_: ain.scorer.texts.exact}}"
        )
    if benchmark.judged and judge.gone:
        raise judge.gone


def estimate(predict: Path | None, benchmark: Benchmark, judge: Judge, output_dir: Path) -> list[str]:
    """Return what judging would take, for a dry run. Answers that are not there yet cannot be counted."""
    if not judge.asks:
        return []
    if not benchmark.judged:
        return [f"{benchmark.name} is graded by rules alone; benchmark.judged=true asks the judge, too"]
    if predict is None:
        return _at_most(benchmark, judge)
    labels = read_labels(Path(benchmark.labels)) if benchmark.labels else {}
    judging = Judging(judge, benchmark, read_manifest(predict)["counts"]["model"])
    return judging.estimate(_ruled(Shards(predict), benchmark, labels), output_dir / "ledger.sqlite").lines()


def _at_most(benchmark: Benchmark, judge: Judge) -> list[str]:
    """Return what judging takes if the rules find no answer right and all are as long as they may be."""
    if uncounted(benchmark, None):
        return [f"{benchmark.name}: how many answers the judge is asked about is known after ain predict"]
    items, total = benchmark.first(SAMPLE)
    answer = LETTER * (benchmark.max_new_tokens or 0)
    cases = [
        case(item.question, item.labels, answer, item.language) for item in items if item.labels or benchmark.labels
    ]
    made = judge.estimate(cases, None).times(total * len(benchmark.images) / max(1, len(items)))
    return [f"at most {made.line()}", *made.notes()]


def said(counts: dict[str, Any]) -> str:
    """Return who graded how much, if a judge did."""
    if "judged" not in counts:
        return ""
    by = f"{counts['judged']:,} of {counts['labelled']:,} labelled answers were graded by the judge, the rest by rules"
    return f"{counts['model']}, {counts['benchmark']}: {by}; {counts['unjudged']:,} have no usable verdict and score 0."


_DIMENSIONS = ("language", "images", "domain", "kind")
_COUNTS = ("accuracy", "low", "high", "questions", "labelled", "unparsed", "truncated", "unanswered")


def measures(counts: dict[str, Any], out: Path) -> Iterator[Row]:
    """Yield the scores by domain, and of each sub-domain (`kind`), in percent, and the benchmark's own metrics."""
    about = {name: counts[name] for name in ("model", "benchmark")}
    for table in ("accuracy", "subdomains"):
        for row in read_table(out / "tables" / f"{table}.csv"):
            dims = {**about, "images": "shown", **{n: row[n] for n in _DIMENSIONS if n in row}}
            why = None if row["labelled"] else "has no labels: set benchmark.labels=FILE"
            scored = {"value": row["accuracy"], "low": row["low"], "high": row["high"]}
            yield {**dims, "metric": "accuracy", **scored, "n": row["labelled"], "why": why}
            for metric in (name for name in row if name not in (*_DIMENSIONS, *_COUNTS)):
                yield {**dims, "metric": metric, "value": row[metric], "n": row["labelled"], "why": why}
    for row in _own_table(out):
        dims = {**about, "images": "shown", "language": row["language"], "domain": "all"}
        yield {**dims, "metric": row["metric"], "value": row["value"], "n": row["questions"]}


def _own_table(out: Path) -> Table:
    path = out / "tables" / "metrics.csv"
    return read_table(path) if path.exists() else []


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
    """Return `base ar`, `tuned ar shuffled` ... → accuracy in percent, then the benchmark's own numbers, without their parts."""
    made = {
        " ".join([counts["model"], language, *([] if images == "shown" else [images])]): of[ALL]
        for images, by_language in counts["accuracy"].items()
        for language, of in by_language.items()
    }
    own = {name: value for name, value in counts.get("metrics", {}).items() if "/" not in name}
    return made | {f"{counts['model']} {name}": value for name, value in own.items()}
