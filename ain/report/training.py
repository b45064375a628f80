"""Summarise a training for its page: its course, the loss on held-out samples, and how its answers changed."""

from pathlib import Path
from typing import Any

from ain.report import figures
from ain.storage.manifest import read_manifest
from ain.storage.tables import Table, read_table


def training(directory: Path, figure: Path) -> dict[str, Any]:
    """Return the summary. validation, answers: one row per group or question, with the values at the first and the last
    checkpoint."""
    tables = directory / "tables"
    losses = read_table(tables / "validation.csv")
    answers = read_table(tables / "answers.csv") if (tables / "answers.csv").exists() else []
    steps = read_table(tables / "loss.csv")
    return {
        "said": _said(read_manifest(directory)["counts"], steps),
        "figure": figures.loss(steps, _by_language(losses), figure),
        "validation": _ends(losses, "group", "loss"),
        "answers": _ends(answers, "id", "answer"),
    }


def _said(counts: dict[str, Any], steps: Table) -> str:
    seconds = sum(row["seconds"] for row in steps)
    held_out = f"; on held-out samples {counts['validation_loss']:.3f}" if counts["validation_loss"] else ""
    return (
        f"{counts['samples']:,} samples, {counts['steps']:,} steps in {seconds:,.0f} s, "
        f"{counts['tokens_per_second']:,.0f} tokens a second, rows {100 * counts['fill']:.1f} % full. "
        f"Over the last tenth of the steps the loss was {counts['loss']:.3f}{held_out}."
    )


def _by_language(losses: Table) -> dict[str, list[tuple[int, float]]]:
    names = [group for group in dict.fromkeys(row["group"] for row in losses) if group.count("_") == 1]
    return {
        f"held out, {name.removeprefix('loss_')}": [
            (row["step"], row["loss"]) for row in losses if row["group"] == name
        ]
        for name in names
    }


def _ends(rows: Table, key: str, value: str) -> Table:
    """Return one row per key, with the value at the first and at the last step."""
    first, last = ({row[key]: row for row in found} for found in (reversed(rows), rows))
    return [
        {**row, "first": first[name][value], "last": row[value], "since": first[name]["step"]}
        for name, row in last.items()
    ]
