"""Compare the base and the tuned model side by side, from every stage that wrote a table of accuracies."""

from pathlib import Path
from random import Random
from typing import Any

from ain.report import figures
from ain.report.section import Section
from ain.storage.shards import Shards
from ain.storage.tables import Table
from ain.text.languages import language

ANSWERS = 12  # questions shown with the answers of all models


def comparison(sections: list[Section], path: Path) -> dict[str, Any] | None:
    """Return the comparison, or None if no stage has accuracies. accuracy: one row per model, language, condition and
    domain. answers: the same questions put to all models."""
    asked = {section.counts["model"]: section for section in sections if section.table("accuracy")}
    if not asked:
        return None
    table = [{"model": model, **row} for model, section in asked.items() for row in section.table("accuracy")]
    table.sort(key=lambda row: (row["model"], row["images"] != "shown", row["language"], row["domain"] == "all"))
    return {
        "accuracy": table,
        "models": list(asked),
        "answers": _answers({model: section.directory for model, section in asked.items()}),
        "figure": figures.accuracy(table, path),
    }


def _answers(models: dict[str, Path]) -> Table:
    """Return a few questions with every model's answer and the last model's score."""
    given = {
        model: {row["id"]: row for row in Shards(directory).rows() if row["images"] == "shown"}
        for model, directory in models.items()
    }
    last = list(next(reversed(given.values())).values())
    shown = Random(1).sample(last, min(ANSWERS, len(last)))
    return [
        {
            **row,
            "answers": [of[row["id"]]["prediction"] for of in given.values() if row["id"] in of],
            "question": row["question"].rpartition("\n")[2],
            "direction": language(row["language"]).direction,
        }
        for row in shown
    ]
