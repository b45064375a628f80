"""Write the first page of the report: the last job or sweep, then all others, each with a link to its page."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ain.report import headline
from ain.report.render import render

NUMBERS = 3  # of each job of a sweep that differ


def report_index(entries: list[dict[str, Any]], where: Path) -> None:
    """Write the page. entries: the last started first, each with its `name`, `asked`, `started`, `status`, `error`,
    `headline`, `pages` (label → path from `where`) and, for a sweep, `jobs` of the same shape."""
    render(where, "overview", {"entries": [_shown(entry) for entry in entries]}, "index")


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        **entry,
        "date": time.strftime("%Y-%m-%d %H:%M", time.localtime(entry["started"])) if entry["started"] else "",
        "line": _numbers(entry["headline"]) or "; ".join(_of_jobs(entry["jobs"])),
        "cards": {name: headline.number(value) for name, value in entry["headline"].items()},
        "good": entry["status"].endswith("done"),  # a sweep's is `3 done` if nothing else happened
        "jobs": [_shown(job) for job in entry["jobs"]],
    }


def _numbers(of: dict[str, Any]) -> str:
    return ", ".join(f"{name} {headline.number(value)}" for name, value in of.items())


def _of_jobs(jobs: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what tells the jobs of a sweep apart, a few numbers for each."""
    found = [job for job in jobs if job["headline"]]
    names = dict.fromkeys(name for job in found for name in job["headline"])
    differing = [name for name in names if len({job["headline"].get(name) for job in found}) > 1][:NUMBERS]
    for job in found if differing else ():
        yield f"{job['asked']}: {_numbers({name: job['headline'][name] for name in differing if name in job['headline']})}"
