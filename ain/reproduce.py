"""`ain reproduce NAME`: a tagged experiment's sweep, then the paper's numbers beside ours.

The experiment's `paper` says which of the reported tables it reproduces, which of its rows each of our choices answers to,
and which of its columns; its `stand_in`, what takes the part of a service for which no key is set.
"""

import os
from pathlib import Path
from typing import Any

import yaml

from ain import UserError

Table = list[dict[str, Any]]

REPORTED = Path(__file__).resolve().parents[1] / "experiments" / "paper" / "reported.yml"


def stand_ins(name: str, file: Path) -> list[str]:
    """The overrides that an experiment wants where the variable with its key is not set; it must name a paper's table."""
    if not file.exists():
        return []  # Hydra says it better
    try:
        experiment = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{file}: broken YAML: {' '.join(str(error).split())}") from None
    if "paper" not in experiment:
        raise UserError(f"{name} reproduces no table of a paper; run it with: ain run {name}")
    given = experiment.get("stand_in")
    return list(given["overrides"]) if given and not os.environ.get(given["unless"]) else []


def compare(jobs: list[dict[str, Any]], paper: dict[str, Any]) -> Table:
    """A row for each job and each of the paper's columns: paper, ours, difference."""
    reported = yaml.safe_load(REPORTED.read_text(encoding="utf-8"))[paper["table"]]
    made = []
    for job in jobs:
        choice = _choice(job, paper["group"])
        row = paper["rows"].get(choice)
        if row is None:
            raise UserError(f"{paper['table']} has no row for {paper['group']}={choice}")
        printed = dict(zip(reported["columns"], reported["rows"][row], strict=True))
        for column in paper["columns"]:
            ours = job.get("headline", {}).get(column)
            gap = None if ours is None else round(ours - printed[column], 3)
            said = {"what": column, "paper": printed[column], "ours": ours, "difference": gap}
            made.append({paper["group"]: choice, "row": row, **said})
    return made


def _choice(job: dict[str, Any], group: str) -> str:
    return next((word.split("=")[1] for word in job["overrides"] if word.startswith(f"{group}=")), "default")


def lines(table: Table, paper: dict[str, Any]) -> list[str]:
    """The comparison for a terminal, and who stood in for whom."""
    group = paper["group"]
    cells = [[group, "paper's row", "", "paper", "ours", "difference"]]
    cells += [["–" if value is None else str(value) for value in row.values()] for row in table]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    made = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    others = {row[group]: row["row"] for row in table if row[group] in paper.get("stand_ins", [])}
    made += [f"{ours} stands in for {theirs}: its numbers are its own" for ours, theirs in others.items()]
    if any(row["ours"] is None for row in table):
        made.append("–: not known yet; " + paper.get("missing", "some of ours are not measured"))
    return made
