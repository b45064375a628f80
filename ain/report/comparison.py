"""Compare the base and the tuned model side by side, from every stage that wrote a table of accuracies."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from ain.metrics.bootstrap import clustered
from ain.report import figures
from ain.report.differences import by_image
from ain.report.measured import CONDITIONS
from ain.report.section import Section
from ain.report.texts import bare
from ain.storage.record import Row
from ain.storage.shards import Shards
from ain.storage.tables import Table
from ain.text.languages import LANGUAGES, name

ANSWERS = 9  # questions shown with the answers of all models


def comparison(sections: list[Section], path: Path, trained: dict[str, Any]) -> dict[str, Any] | None:
    """Return the comparison, or None if no stage has accuracies. trained: counts that stand beside those of the tuned model.

    accuracy: one row per model, language, condition and domain. charts: the same in groups, over all domains (`overall`)
    and by domain (`domains`). differences: the last model against the first over the same questions. answers: a few
    questions with the answers of all models.
    """
    asked = {section.counts["model"]: section for section in sections if section.table("accuracy")}
    if not asked:
        return None
    table = [{"model": model, **row} for model, section in asked.items() for row in section.table("accuracy")]
    table = [row | {key: count if row["model"] == "tuned" else None for key, count in trained.items()} for row in table]
    table.sort(key=lambda row: (row["language"], row["domain"] == "all", row["images"] != "shown", row["model"]))
    given = {model: {row["id"]: row for row in _asked(section.directory)} for model, section in asked.items()}
    return {
        "accuracy": table,
        "overall": _chart([row for row in table if row["domain"] == "all"]),
        "domains": _chart([row for row in table if row["domain"] != "all"]),
        "differences": list(_differences(given)),
        "answers": _answers(given),
        "figure": figures.accuracy(table, path),
    }


def _asked(directory: Path) -> Iterator[Row]:
    """Yield the answers under the first condition that the benchmark has: with the right images, unless it has none."""
    rows = list(Shards(directory).rows())
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


def _differences(given: dict[str, dict[str, Row]]) -> Iterator[dict[str, str]]:
    """Yield the paired difference in each language. Questions about one image are correlated, so images are resampled."""
    (first, one), (last, other) = list(given.items())[0], list(given.items())[-1]  # noqa: RUF015
    for code in sorted({row["language"] for row in other.values()}) if first != last else ():
        both = [key for key, row in other.items() if row["language"] == code and key in one]
        if gaps := by_image({key: other[key]["score"] - one[key]["score"] for key in both}):
            before, after = (100 * sum(of[key]["score"] for key in both) / len(both) for of in (one, other))
            mean, low, high = (100 * value for value in clustered(gaps))
            yield {
                "language": name(code),
                "before": f"{before:.1f} %",
                "after": f"{after:.1f} %",
                "said": f"{mean:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}), over the same {len(both):,} questions",
            }


def _answers(given: dict[str, dict[str, Row]]) -> Table:
    """Return a few questions with every model's answer and its score."""
    last = list(next(reversed(given.values())).values())
    shown = Random(1).sample(last, min(ANSWERS, len(last)))
    return [
        {
            "question": bare(row["question"]),
            "label": row["label"],
            "language": LANGUAGES.get(row["language"]),
            "answers": [
                {"model": model, "text": of[row["id"]]["prediction"], "score": of[row["id"]]["score"]}
                for model, of in given.items()
                if row["id"] in of
            ],
        }
        for row in shown
    ]
