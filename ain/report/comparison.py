"""Compare models side by side over the same questions, from every stage that wrote a table of accuracies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ain.report import domain_figures, qualitative
from ain.report.differences import corrected, difference
from ain.report.measured import CONDITIONS
from ain.report.questions import Evaluation
from ain.storage.record import Row
from ain.storage.shards import Shards
from ain.storage.tables import Table, read_table
from ain.text.languages import name

COLUMNS = ["id", "domain", "language", "images", "media", "score"]


def comparisons(
    evaluations: list[Evaluation], where: Path, trained: dict[str, Any], records: list[str]
) -> list[dict[str, Any]]:
    """Return a comparison for each benchmark. where: the folder of figures. trained: counts that stand beside the
    accuracies of the tuned model. records: ids of questions to show, instead of drawn ones.

    benchmark: its name. accuracy: a row for each model, language, condition and domain. charts: the same in groups, over all
    domains (`overall`) and by domain (`domains`). differences: the last model against the first, over the same questions.
    tests: the same by domain, with p-values. answers: a few questions with the answers of all models.
    """
    several = len(evaluations) > 1
    return [_comparison(one, where, f"-{i}" if several else "", trained, records) for i, one in enumerate(evaluations)]


def _comparison(
    evaluation: Evaluation, where: Path, suffix: str, trained: dict[str, Any], records: list[str]
) -> dict[str, Any]:
    accuracies = {model: read_table(path / "tables" / "accuracy.csv") for model, path in evaluation.graded.items()}
    table = [{"model": model, **row} for model, rows in accuracies.items() for row in rows]
    table = [row | {key: count if row["model"] == "tuned" else None for key, count in trained.items()} for row in table]
    table.sort(key=lambda row: (row["language"], row["domain"] == "all", row["images"] != "shown", row["model"]))
    given = {model: {row["id"]: row for row in _asked(path)} for model, path in evaluation.graded.items()}
    scored = [row for row in table if row["accuracy"] is not None]
    tests = _tests(given)
    answers = qualitative.chosen(evaluation, list(next(reversed(given.values()))), records)
    figures = {name: f"{name}{suffix}.png" for name in ("accuracy", "radar", "answers")}
    qualitative.figure(answers, where / figures["answers"])
    return {
        "benchmark": evaluation.benchmark,
        "figures": figures,
        "accuracy": table,
        "overall": _chart([row for row in scored if row["domain"] == "all"]),
        "domains": _chart([row for row in scored if row["domain"] != "all"]),
        "differences": [_said(row) for row in tests if row["domain"] == "all"],
        "tests": tests,
        "models": evaluation.models,
        "answers": answers,
        "bars": domain_figures.accuracy(scored, where / figures["accuracy"]) if scored else None,
        "radar": domain_figures.radar(scored, where / figures["radar"]) if scored else None,
    }


def _asked(directory: Path) -> Iterator[Row]:
    """Yield the answers under the first condition that the benchmark has: with the right images, unless it has none."""
    rows = list(Shards(directory).rows(COLUMNS))
    first = "shown" if any(row["images"] == "shown" for row in rows) else rows[0]["images"]
    return (row for row in rows if row["images"] == first)


def _chart(table: Table) -> list[dict[str, Any]]:
    """Return groups of bars: title, and rows with a label."""
    groups: dict[str, Table] = {}
    for row in table:
        title = name(row["language"]) + (f", {row['domain']}" if row["domain"] != "all" else "")
        condition = CONDITIONS.get(row["images"], row["images"])
        label = ", ".join(filter(None, (row["model"], condition)))
        groups.setdefault(title, []).append({**row, "label": label, "control": bool(condition)})
    return [{"title": title, "rows": rows} for title, rows in groups.items()]


def _tests(given: dict[str, dict[str, Row]]) -> Table:
    """Return the paired difference of the last model from the first, by language and domain, corrected for their number.

    Questions about one image are correlated, so images are resampled.
    """
    (first, one), (last, other) = list(given.items())[0], list(given.items())[-1]  # noqa: RUF015
    if first == last:
        return []
    rows = []
    for (language, domain), names in _groups(other).items():
        pairs = [key for key in names if key in one and one[key]["score"] is not None]
        images = {key: " ".join(other[key]["media"]) or key for key in pairs}
        before, after = ({key: of[key]["score"] for key in pairs} for of in (one, other))
        if found := difference([before], [after], images):
            means = (round(100 * sum(of.values()) / len(of), 1) for of in (before, after))
            rows.append(
                {"language": language, "domain": domain, **dict(zip((first, last), means, strict=True)), **found}
            )
    rows.sort(key=lambda row: (row["language"], row["domain"] == "all"))
    return corrected(rows)


def _groups(rows: dict[str, Row]) -> dict[tuple[str, str], list[str]]:
    """Return (language, domain) → its labelled questions; the domain `all` has those of all domains, if there are several."""
    made: dict[tuple[str, str], list[str]] = {}
    for key, row in rows.items():
        if row["score"] is not None:
            for domain in dict.fromkeys((row["domain"], "all")):
                made.setdefault((row["language"], domain), []).append(key)
    return made


def _said(row: Row) -> dict[str, str]:
    """Return a difference in words."""
    before, after = (row[model] for model in list(row)[2:4])
    gap, low, high = row["difference"], row["low"], row["high"]
    return {
        "language": name(row["language"]),
        "before": f"{before:.1f} %",
        "after": f"{after:.1f} %",
        "said": f"{gap:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}), over the same {row['questions']:,} questions",
    }
