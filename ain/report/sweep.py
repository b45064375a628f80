"""Write the page of a sweep: what it varied, the best and the baseline, one row for each job, paired differences."""

import shlex
import time
from pathlib import Path
from typing import Any

from ain.report import about, sweep_figures
from ain.report.axes import SEED, number, point
from ain.report.render import render
from ain.report.section import Section
from ain.report.swept import Swept
from ain.storage.tables import write_table


def report_sweep(jobs: list[dict[str, Any]], where: Path, sweep: dict[str, Any], baseline: str | None = None) -> None:
    """Write index.html, index.md and tables/*.csv. jobs: the rows of job.json, each with its `label`; sweep: the row of
    sweep.json. baseline: the setting to compare with, as typed for `report.baseline`."""
    swept = Swept(jobs, baseline)
    tables = {"jobs": swept.of_jobs(), "settings": swept.of_settings(), "differences": swept.differences}
    for name, rows in tables.items():
        if rows:
            write_table(where / "tables" / f"{name}.csv", rows)
    kind, figure = _figure(swept, where / "figures")
    started = sweep.get("started")
    page = {
        "swept": swept,
        "title": " and ".join(axis.key for axis in swept.axes) or "one job",
        "seeds": max((len(same) for same in swept.named.values()), default=1),
        "command": shlex.join(["ain", *sweep.get("command", [])]),
        "date": time.strftime("%Y-%m-%d %H:%M", time.localtime(started)) if started else "",
        "commit": sweep.get("commit"),
        "rows": list(zip(jobs, tables["jobs"], strict=True)),
        "figure": figure,
        "kind": kind,
        "about": _about(swept),
        "tables": [name for name, rows in tables.items() if rows],
    }
    render(where, "sweep", page)


def _figure(swept: Swept, where: Path) -> tuple[str | None, str | None]:
    """Draw the figure that fits: `bars` over an axis of choices, a `curve` over one of numbers, none for several axes.
    Return its name and its data URI."""
    names = list(dict.fromkeys(what for points in swept.points.values() for what in points))
    if len(swept.axes) != 1 or not names:
        return None, None
    (axis,) = swept.axes
    at = {point(name, swept.named, swept.axes)[0]: points for name, points in swept.points.items()}
    values = [value for value in axis.values if value in at]
    series = {name: [at[value].get(name) for value in values] for name in names}
    what = swept.headline.replace("_", " ") if swept.headline else "accuracy, %"
    if axis.numeric and axis.key != SEED:
        numbers = [number(value) or 0.0 for value in values]
        return "curve", sweep_figures.curve(numbers, series, axis.key, what, where / "curve.png")
    return "bars", sweep_figures.bars(values, series, axis.key, what, where / "bars.png")


def _about(swept: Swept) -> list[str]:
    """Return what the numbers are about, from the first job with results."""
    found = swept.of(swept.done[0]).directories if swept.done else {}
    return about.about([Section(name, path) for name, path in found.items()])
