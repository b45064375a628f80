"""Support `ain reproduce NAME`: run a tagged experiment's sweep, then show the paper's numbers beside ours.

The experiment's `paper` names one of the reported tables, maps our choices to its rows and columns, and says which of
them are stand-ins and what data the paper measured on. `stand_in` names the replacement for a service whose key is not set.
"""

import os
from pathlib import Path
from typing import Any

import yaml

from ain import UserError
from ain.runtime.paths import PAPER
from ain.storage.manifest import read_manifest

Table = list[dict[str, Any]]
_DRAWN = "ain.source.miniature"


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
    """Return one row per job and matching number of the paper: paper, ours, difference, our number of samples, and what
    stands in for the paper's. With `ours` (stage/name), a job's own table has a row for each of the paper's; otherwise
    a job is one row of the paper's table.
    """
    reported = yaml.safe_load((PAPER / "reported.yml").read_text(encoding="utf-8"))[paper["table"]]
    made = _of_table if "ours" in paper else _of_job
    return [_beside(row, _measured_on(job, paper)) for job in jobs for row in made(job, paper, reported)]


def _of_job(job: dict[str, Any], paper: dict[str, Any], reported: dict[str, Any]) -> Table:
    choice = _choice(job, paper["group"])
    row = paper["rows"].get(choice)
    if row is None:
        raise UserError(f"{paper['table']} has no row for {paper['group']}={choice}")
    printed = dict(zip(reported["columns"], reported["rows"][row], strict=True))
    ours = job.get("headline", {})
    return [
        {paper["group"]: choice, "row": row, "what": column, "paper": printed[column], "ours": ours.get(name)}
        for column, name in paper["columns"].items()
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
                beside = {"paper": value, "ours": rows.get(str(key), {}).get(ours)}
                made.append({paper["group"]: choice, "row": key, "what": column, **beside})
    return made


def _measured_on(job: dict[str, Any], paper: dict[str, Any]) -> dict[str, Any]:
    """Return the job's number of samples, and what is not the paper's: the model, the data or both. `paper.data` says
    what the paper measured on, `paper.size` (stage/count) how many we did; without them the data are the paper's own.
    """
    foreign = ["model"] if _choice(job, paper["group"]) in paper.get("stand_ins", []) else []
    if "data" not in paper or job["status"] != "done":
        return {"samples": None, "stand_in": " and ".join(foreign) or None}
    stage, count = paper["size"].split("/")
    manifests = {name: read_manifest(Path(path)) for name, path in job["directories"].items()}
    drawn = any(_DRAWN in str(manifest["settings"].get("source", "")) for manifest in manifests.values())
    foreign += ["data"] if drawn else []
    return {"samples": manifests[stage]["counts"][count], "stand_in": " and ".join(foreign) or None}


def _beside(row: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the difference, unless something stands in: the difference would say nothing then."""
    known = row["ours"] is not None and not measured["stand_in"]
    return {**row, "difference": round(row["ours"] - row["paper"], 4) if known else None, **measured}


def _choice(job: dict[str, Any], group: str) -> str:
    return next((word.split("=")[1] for word in job["overrides"] if word.startswith(f"{group}=")), "default")


def lines(table: Table, paper: dict[str, Any], jobs: list[dict[str, Any]]) -> list[str]:
    """Return the comparison as lines for a terminal, with the stand-ins, the data and the unavailable choices."""
    group = paper["group"]
    missing = {_choice(job, group): job["error"] for job in jobs if job["status"] == "unavailable"}
    shown = [row for row in table if row[group] not in missing]
    columns = [group, "row", "what", "paper", "ours", "difference"]
    cells = [[group, "paper's row", "column", *columns[3:]]]
    cells += [["–" if row[name] is None else str(row[name]) for name in columns] for row in shown]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    made = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    made += [*_standing_in(shown, paper), *_data(shown, paper)]
    if any(row["stand_in"] for row in shown):
        made.append("no difference is given against a stand-in: it would say nothing about the paper")
    made += _unknown(jobs, paper)
    made += [f"{choice} is unavailable: {reason}" for choice, reason in missing.items()]
    if any(row["ours"] is None for row in shown):
        made.append("ours –: not known; " + paper.get("missing", "some of ours are not measured"))
    return made


def _unknown(jobs: list[dict[str, Any]], paper: dict[str, Any]) -> list[str]:
    """Return a line for each number that a stage could not measure, with the reason that it left."""
    if "size" not in paper:
        return []
    done = {_choice(job, paper["group"]): job["directories"] for job in jobs if job["status"] == "done"}
    left = {choice: read_manifest(Path(of[paper["size"].split("/")[0]]))["counts"] for choice, of in done.items()}
    return [
        f"{choice}: no {name}: {reason}"
        for choice, counts in left.items()
        for name, reason in counts.get("unknown", {}).items()
    ]


def _standing_in(table: Table, paper: dict[str, Any]) -> list[str]:
    """Return a line for each stand-in, whose numbers are not those of what the paper measured."""
    group, stand_ins = paper["group"], paper.get("stand_ins", [])
    theirs = "row" if "ours" not in paper else "what" if "columns" in paper else None
    others = {row[group]: f" for {row[theirs]}" if theirs else "" for row in table if row[group] in stand_ins}
    return [f"{ours} stands in{whom}: its numbers are its own" for ours, whom in others.items()]


def _data(table: Table, paper: dict[str, Any]) -> list[str]:
    """Return a line for each kind of data that ours were measured on, with the number of samples."""
    sizes: dict[str, set[str]] = {}
    for row in table:
        if row["samples"] is not None:
            kind = "drawn scenes of the miniature, a stand-in" if "data" in (row["stand_in"] or "") else "your data"
            sizes.setdefault(kind, set()).add(f"{row['samples']:,}")
    return [
        f"data: {kind} ({' or '.join(sorted(of))} samples); the paper: {paper['data']}" for kind, of in sizes.items()
    ]
