"""`ain reproduce PAPER/all`: run what can be run here, name what the rest waits for, and list each table and figure.

Each experiment is a command of its own, in a process of its own, one after the other: they share what is done.
"""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ain import UserError
from ain.cli.columns import columns
from ain.pipeline.needs import Experiment, read_experiment
from ain.runtime.paths import EXPERIMENTS

ALL = "/all"
FAILED = "failed"


def asks_for_all(words: list[str]) -> bool:
    return words[:1] == ["reproduce"] and any(word.endswith(ALL) and "=" not in word for word in words[1:])


def main(words: list[str]) -> None:
    """Exit with an error if anything that can run here failed."""
    names, typed = ([word for word in words if ("=" in word) is given] for given in (False, True))
    if len(names) != 1:
        raise UserError("reproduce ain/all takes overrides alone, as in: ain reproduce ain/all output_dir=outputs")
    paper = names[0].removesuffix(ALL)
    if "dry_run=true" in typed:
        print("\n".join(listed(paper)))
        return
    states: dict[str, dict[str, Any]] = {}
    for experiment, about in experiments(paper).items():
        states |= _reproduced(experiment, about, typed)
    from ain.report import paper as printed

    rows = [states[table] for table in printed.names(paper)]
    where = _write(rows, paper, typed)
    print("\n".join(columns([("STATE", "WHAT", "COMMAND", ""), *(_cells(row) for row in rows)])))
    print(where)
    if failed := sum(row["state"] == FAILED for row in rows):
        sys.exit(
            f"ain: {failed} of {len(rows)} failed; the same command tries them again and repeats nothing that is done"
        )


def experiments(paper: str) -> dict[str, Experiment]:
    """Return the experiments that reproduce something, tables first: what they train, figures need too."""
    files = sorted(
        (EXPERIMENTS / paper).glob("*.yaml"), key=lambda file: (not file.stem.startswith("table"), file.stem)
    )
    read = {f"{paper}/{file.stem}": read_experiment(file) for file in files}
    found = {name: about for name, about in read.items() if about and about.tables}
    if not found:
        known = sorted({path.parent.name for path in (EXPERIMENTS / "paper").glob("*/*.yml")})
        raise UserError(f"{paper}{ALL}: no such paper; choose one of {', '.join(known)}")
    return found


def _reproduced(name: str, about: Experiment, typed: list[str]) -> dict[str, dict[str, Any]]:
    """Run an experiment, unless it waits for something. Return what is known of each of its tables."""
    common = {"experiment": name, "command": about.command or f"ain reproduce {name}", "page": None}
    if waits := about.waits_for(typed):
        return {
            table: common | {"table": table, "state": "waiting", "detail": "; ".join(waits)} for table in about.tables
        }
    print(f"ain: reproduce {name}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "ain", "reproduce", name, *typed]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=os.environ)
    lines = done.stdout.splitlines()
    last = Path(lines[-1]) if lines else Path("nowhere")
    found = {}
    for table in about.tables:
        state = last.parent / table.replace("/", "-") / "state.json"
        if done.returncode == 0 and state.exists():
            found[table] = common | json.loads(state.read_text(encoding="utf-8")) | {"page": str(state.parent)}
        else:
            found[table] = common | {"table": table, "state": FAILED, "detail": "its own messages stand above"}
    return found


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a line for a terminal: short, because the page has all of it."""
    from ain.report.paper import place

    command = row["command"] if row["state"] == "waiting" else f"ain reproduce {row['experiment']}"
    return row["state"], place(row["table"]), command, textwrap.shorten(row["detail"], 80, placeholder=" …")


def _write(rows: list[dict[str, Any]], paper: str, typed: list[str]) -> Path:
    """Write the list as a page, with links to the comparisons, and return its folder."""
    from ain.report.reproduction_page import write_list

    outputs = next((word.partition("=")[2] for word in reversed(typed) if word.startswith("output_dir=")), "outputs")
    return write_list(rows, Path(outputs) / "report" / "paper" / paper)


def listed(paper: str) -> Iterator[str]:
    """Yield a Markdown table of all tables and figures: what shows each, what stands in, what the real thing needs."""
    from ain.report.paper import load, names, place

    of = {table: (name, about) for name, about in experiments(paper).items() for table in about.tables}
    yield "| | what | command | where something is lacking | needs | time | cost |"
    yield "|---|---|---|---|---|---|---|"
    for table in names(paper):
        name, about = of[table]
        words = [f"`ain reproduce {name}`", about.here(), about.needs.in_words(), about.needs.time, about.needs.cost]
        yield f"| {' | '.join([place(table), load(table).title, *(word or '–' for word in words)])} |"
