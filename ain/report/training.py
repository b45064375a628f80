"""Draw the course of a training, and say how held-out losses and watched answers changed."""

from pathlib import Path

from ain.report import figures
from ain.storage.tables import Table, read_table, write_table


def course(directory: Path) -> None:
    """Write the figure `loss` and the tables `held_out` and `watched`, from the tables of the training."""
    tables = directory / "tables"
    losses = read_table(tables / "validation.csv")
    answers = read_table(tables / "answers.csv") if (tables / "answers.csv").exists() else []
    figures.loss(read_table(tables / "steps.csv"), _by_language(losses), directory / "figures" / "loss.png")
    for name, rows in {"held_out": _ends(losses, "group", "loss"), "watched": _ends(answers, "id", "answer")}.items():
        if rows:
            write_table(tables / f"{name}.csv", rows)


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
        {key: name, "first step": first[name]["step"], "first": first[name][value], "last": row[value]}
        for name, row in last.items()
    ]
