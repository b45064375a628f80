"""Support `ain reproduce NAME`: run a tagged experiment's sweep, then show the paper's numbers beside ours.

The experiment's `paper` names one of the reported tables and maps our choices to its rows and columns. Its `stand_in`
names the replacement for a service whose key is not set.
"""

import os
from pathlib import Path
from typing import Any

import yaml

from ain import UserError
from ain.runtime.paths import PAPER

Table = list[dict[str, Any]]


def stand_ins(name: str, file: Path) -> list[str]:
    """Return the experiment's overrides for the case that the variable with the service's key is not set. Raise
    UserError if the experiment names no table of a paper."""
    experiment = _read(file)
    if experiment is not None and "paper" not in experiment:
        raise UserError(f"{name} reproduces no table of a paper; run it with: ain run {name}")
    return _without_key(experiment or {})


def stand_ins_of_own(file: Path, typed: list[str]) -> list[str]:
    """Return the same for an experiment that reproduces nothing, unless the command chooses for itself. typed: its words."""
    experiment = _read(file) or {}
    found = [] if "paper" in experiment else _without_key(experiment)
    chosen = {word.partition("=")[0] for word in typed}
    return [] if any(word.partition("=")[0] in chosen for word in found) else found


def _read(file: Path) -> dict[str, Any] | None:
    """Return the experiment as it is written; None if there is no such file: Hydra's own message is better."""
    if not file.exists():
        return None
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{file}: broken YAML: {' '.join(str(error).split())}") from None


def _without_key(experiment: dict[str, Any]) -> list[str]:
    given = experiment.get("stand_in")
    return list(given["overrides"]) if given and not os.environ.get(given["unless"]) else []


def compare(jobs: list[dict[str, Any]], paper: dict[str, Any]) -> Table:
    """Return one row per job and matching number of the paper: paper, ours, difference. With `ours` (stage/name), a
    job's own table has a row for each of the paper's; otherwise a job is one row of the paper's table.
    """
    reported = yaml.safe_load((PAPER / "reported.yml").read_text(encoding="utf-8"))[paper["table"]]
    return [row for job in jobs for row in (_of_table if "ours" in paper else _of_job)(job, paper, reported)]


def _of_job(job: dict[str, Any], paper: dict[str, Any], reported: dict[str, Any]) -> Table:
    choice = _choice(job, paper["group"])
    row = paper["rows"].get(choice)
    if row is None:
        raise UserError(f"{paper['table']} has no row for {paper['group']}={choice}")
    printed = dict(zip(reported["columns"], reported["rows"][row], strict=True))
    ours = job.get("headline", {})
    return [
        {paper["group"]: choice, "row": row, "what": column, **_beside(printed[column], ours.get(column))}
        for column in paper["columns"]
    ]


def _of_table(job: dict[str, Any], paper: dict[str, Any], reported: dict[str, Any]) -> Table:
    """Compare a job's own table. In `paper`, `key` is our column that names the paper's rows. If choices of a group
    match columns of the paper, `columns` maps them and `value` is our column; otherwise both use the paper's names.
    """
    from ain.storage.tables import read_table

    stage, name = paper["ours"].split("/")
    path = Path(job["directories"][stage]) / "tables" / f"{name}.csv" if job["status"] == "done" else None
    rows = {row[paper["key"]]: row for row in read_table(path)} if path and path.exists() else {}
    choice = _choice(job, paper["group"])
    if "columns" not in paper:
        pairs = [(column, column) for column in reported["columns"]]
    elif choice in paper["columns"]:
        pairs = [(paper["columns"][choice], paper["value"])]
    else:
        pairs = []
    made = []
    for key, printed in reported["rows"].items():
        for column, ours in pairs:
            value = printed[reported["columns"].index(column)]
            if value is not None:
                beside = _beside(value, rows.get(str(key), {}).get(ours))
                made.append({paper["group"]: choice, "row": key, "what": column, **beside})
    return made


def _beside(paper: float, ours: float | None) -> dict[str, Any]:
    return {"paper": paper, "ours": ours, "difference": None if ours is None else round(ours - paper, 4)}


def _choice(job: dict[str, Any], group: str) -> str:
    return next((word.split("=")[1] for word in job["overrides"] if word.startswith(f"{group}=")), "default")


def lines(table: Table, paper: dict[str, Any], jobs: list[dict[str, Any]]) -> list[str]:
    """Return the comparison as lines for a terminal, with the stand-ins and the unavailable choices."""
    group = paper["group"]
    cells = [[group, "paper's row", "column", "paper", "ours", "difference"]]
    missing = {_choice(job, group): job["error"] for job in jobs if job["status"] == "unavailable"}
    shown = [row for row in table if row[group] not in missing]
    cells += [["–" if value is None else str(value) for value in row.values()] for row in shown]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    made = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    made += _standing_in(shown, paper)
    made += [f"{choice} is unavailable: {reason}" for choice, reason in missing.items()]
    if any(row["ours"] is None for row in shown):
        made.append("–: not known; " + paper.get("missing", "some of ours are not measured"))
    return made


def _standing_in(table: Table, paper: dict[str, Any]) -> list[str]:
    """Return a line for each stand-in, whose numbers are not those of what the paper measured."""
    group, stand_ins = paper["group"], paper.get("stand_ins", [])
    theirs = "row" if "ours" not in paper else "what" if "columns" in paper else None
    others = {row[group]: f" for {row[theirs]}" if theirs else "" for row in table if row[group] in stand_ins}
    return [f"{ours} stands in{whom}: its numbers are its own" for ours, whom in others.items()]
