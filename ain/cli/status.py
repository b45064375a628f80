"""`ain status [NAME]`: list the jobs and sweeps of `output_dir`, or show all that is known of those that NAME means."""

import json
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ain.cli.columns import columns
from ain.cli.parser import Parser
from ain.pipeline.index import described
from ain.pipeline.jobs import RUNS, Entry, entries, named
from ain.report import headline
from ain.runtime.durations import exact
from ain.storage.manifest import is_done
from ain.storage.sizes import human, size

_ABOUT = """\
List jobs and sweeps, the last started first: what was asked, when, how it ended, which stages are missing, and the size
on disk of the stages that it refers to (shared ones count in each). With NAME: its jobs, directories and pages, and the
command to resume it. output_dir=DIR names the directory that the runs wrote to (outputs)."""
_HEAD = ("NAME", "STARTED", "TOOK", "SIZE", "STATUS", "ASKED")


def main(words: list[str]) -> None:
    parser = Parser("status", _ABOUT)
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="the beginning of a job's or sweep's name, or an experiment"
    )
    parser.add_argument("--json", action="store_true", help="print the same as data")
    given = parser.read(words)

    found = entries(given.output_dir)
    if given.name:
        found = named(found, given.name)
    sizes: dict[Path, int] = {}
    shown = [_measured(entry, sizes) for entry in found]
    if given.json:
        print(json.dumps(shown, indent=2, ensure_ascii=False, default=str))
    elif not shown:
        print(f"no jobs in {given.output_dir / RUNS}")
    elif given.name:
        print("\n\n".join("\n".join(_details(one, given.output_dir)) for one in shown))
    else:
        print("\n".join(_listed(shown)))


def _measured(entry: Entry, sizes: dict[Path, int]) -> dict[str, Any]:
    """Return the entry as data, with its directories. sizes: of those that were measured already."""
    for path in entry.directories.values():
        if path not in sizes:
            sizes[path] = size(path)
    directories: list[dict[str, Any]] = [
        {"stage": name, "directory": path, "done": is_done(path), "bytes": sizes[path]}
        for name, path in entry.directories.items()
    ]
    return described(entry) | {"directories": directories, "bytes": sum(each["bytes"] for each in directories)}


def _listed(shown: list[dict[str, Any]]) -> Iterator[str]:
    rows = [_HEAD, *(_row(one) for one in shown)]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    lines = [line[:width] for line in columns(rows)]
    yield lines[0]
    for one, line in zip(shown, lines[1:], strict=True):
        yield line
        if one["error"]:
            yield f"    {one['error']}"
        if one["missing"]:
            yield f"    missing: {', '.join(one['missing'])}"


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (one["name"], _date(one["started"]), _took(one), human(one["bytes"]), one["status"], one["asked"])


def _details(one: dict[str, Any], output_dir: Path) -> Iterator[str]:
    yield f"{one['kind']} {one['name']}: {one['status']}"
    if one["error"]:
        yield f"  {one['error']}"
    where = f", process {one['pid']} on {one['host']}" if one["pid"] else ""
    took = f", took {_took(one)}" if one["seconds"] is not None else ""
    choices = " ".join(f"{group}={choice}" for group, choice in (one["choices"] or {}).items())
    yield from (
        f"  {label:<10} {text}"
        for label, text in {
            "asked": one["asked"],
            "choices": choices,
            "started": f"{_date(one['started'])}{took}{where}",
            "commit": one["commit"],
            "result": headline.line(one["headline"]),
            "missing": ", ".join(one["missing"]),
            **{f"page {i}" if i else "page": str(output_dir / page) for i, page in enumerate(one["pages"].values())},
            "resume": _resume(one),
        }.items()
        if text
    )
    if one["jobs"]:
        yield ""
        rows = [("JOB", "TOOK", "STATUS", "ASKED", "RESULT"), *(_job_row(job) for job in one["jobs"])]
        yield from (f"  {line}" for line in columns(rows))
    if one["directories"]:
        yield ""
        parts = [("DIRECTORY", "SIZE", "")]
        parts += [(str(d["directory"]), human(d["bytes"]), "" if d["done"] else "missing") for d in one["directories"]]
        yield from (f"  {line}" for line in columns([*parts, ("together", human(one["bytes"]), "")]))


def _job_row(job: dict[str, Any]) -> tuple[str, ...]:
    name = job["name"].rpartition("/")[2]
    return (name, _took(job), job["status"], job["asked"], job["error"] or headline.line(job["headline"]))


def _resume(one: dict[str, Any]) -> str:
    """Return the command to type, which repeats nothing that is done. A job of a sweep is resumed by its sweep."""
    command = (one["sweep"] if isinstance(one["sweep"], dict) else one)["command"]
    return shlex.join(["ain", *command]) if command else ""


def _date(started: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(started)) if started else "-"


def _took(one: dict[str, Any]) -> str:
    return "-" if one["seconds"] is None else exact(one["seconds"])
