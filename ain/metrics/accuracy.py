"""Tables of accuracy over graded answers: by domain, by sub-domain, and a benchmark's own numbers; every question counts."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ain.metrics.bootstrap import clustered
from ain.metrics.outcomes import ENDED
from ain.metrics.together import Metric
from ain.storage.record import Row
from ain.storage.tables import Table

ALL = "all"  # domains together


def by_domain(rows: list[Row], columns: list[str]) -> Table:
    """Return a row for each language, condition and domain, and for all domains."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        for domain in (row["domain"], ALL):
            groups[row["language"], row["images"], domain].append(row)
    names = ("language", "images", "domain")
    return [{**dict(zip(names, group, strict=True)), **_measured(of, columns)} for group, of in groups.items()]


def by_kind(rows: list[Row], columns: list[str]) -> Table:
    """Return a row for each sub-domain of a domain, of the questions with their own images."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["images"] == "shown":
            groups[row["language"], row["domain"], row["kind"]].append(row)
    names = ("language", "domain", "kind")
    return [{**dict(zip(names, group, strict=True)), **_measured(of, columns)} for group, of in groups.items()]


def own_numbers(rows: list[Row], metrics: Metric) -> Table:
    """Return a row for each language and number of a benchmark's metrics, over labelled questions with their own images."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["images"] == "shown" and row["score"] is not None:
            groups[row["language"]].append(row)
    return [
        {"language": language, "metric": name, "value": round(value, 1), "questions": len(of)}
        for language, of in groups.items()
        for name, value in metrics(of).items()
    ]


def _measured(rows: list[Row], columns: list[str]) -> Row:
    """Return accuracy in percent with a 95 % bootstrap interval over images, the means of further scores, and counts.

    Questions about one image are drawn together, because their answers are correlated. Only labelled questions have a
    score; those that got no answer score 0.
    """
    labelled = [row for row in rows if row["score"] is not None]
    images: dict[Any, list[float]] = defaultdict(list)
    for row in labelled:
        images[row["media"]].append(row["score"])
    mean, low, high = (_percent(value) for value in clustered(list(images.values()))) if labelled else (None,) * 3
    further = {name: _percent(sum(row[name] for row in labelled) / len(labelled)) for name in columns[1:] if labelled}
    return {
        "accuracy": mean,
        "low": low,
        "high": high,
        **further,
        "questions": len(rows),
        "labelled": len(labelled),
        **faults(labelled),
    }


def faults(rows: Iterable[Row]) -> dict[str, int]:
    """Count answers that could not be read, that were cut off, and questions without an answer."""
    counts = {"unparsed": 0, "truncated": 0, "unanswered": 0}
    for row in rows:
        counts["unanswered"] += row["finish"] not in ENDED
        counts["truncated"] += row["finish"] == "length"
        counts["unparsed"] += row["finish"] in ENDED and row["parsed"] is None and row["graded_by"] == "rules"
    return counts


def _percent(share: float) -> float:
    return round(100 * share, 1)


def nested(table: Table) -> dict[str, dict[str, dict[str, float]]]:
    """Return images → language → domain → accuracy in percent."""
    made: dict[str, dict[str, dict[str, float]]] = {}
    for row in table:
        if row["accuracy"] is not None:
            made.setdefault(row["images"], {}).setdefault(row["language"], {})[row["domain"]] = row["accuracy"]
    return made
