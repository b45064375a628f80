"""Describe jobs and sweeps as data, for `ain status` and for the first page of the report, which is built from them."""

from pathlib import Path
from typing import Any

from ain.pipeline.jobs import REPORT, Entry, JobEntry, SweepEntry, entries, labels
from ain.storage.locks import lock


def described(entry: Entry) -> dict[str, Any]:
    """Return what is known of a job or sweep. directories: name → path and whether it is done. jobs: those of a sweep."""
    row = entry.row
    one = {
        "name": entry.name,
        "kind": "job" if isinstance(entry, JobEntry) else "sweep",
        "asked": asked(entry),
        "status": entry.status,
        "started": entry.started,
        "headline": row.get("headline", {}),
        "pages": {},
        "missing": [],
        "jobs": [],
    }
    one |= {key: row.get(key) for key in ("command", "verb", "stage", "experiment", "choices", "overrides", "ended")}
    one |= {key: row.get(key) for key in ("seconds", "error", "commit", "host", "pid", "sweep")}
    if isinstance(entry, SweepEntry):
        ended = one["ended"] or max((job.row.get("ended") or 0 for job in entry.jobs), default=0)
        one["seconds"] = round(ended - entry.started, 1) if ended > entry.started and not entry.is_running else None
        one["pages"] = {_label(page, row.get("sweep")): page for page in entry.pages}
        each = labels([job.row.get("overrides", []) for job in entry.jobs])
        one["jobs"] = [described(job) | {"asked": label} for job, label in zip(entry.jobs, each, strict=True)]
        failed = next((job for job in one["jobs"] if job["error"]), None)
        one["error"] = f"{failed['asked']}: {failed['error']}" if failed else None
    else:
        one["missing"] = entry.missing
        one["pages"] = {"report": entry.page} if entry.page else {}
    return one


def _label(page: Path, sweep: str | None) -> str:
    """Return a page's name: that of its folder, `report` for the sweep's own page, or a table's file."""
    if page.stem != "index":
        return page.name
    return "report" if page.parent.name == sweep else page.parent.name


def asked(entry: Entry) -> str:
    """Return the command without what changes no result: `run ain/blind seed=1`, `select -m thresholds=default,none`."""
    row = entry.row
    if not row:
        return "(unknown)"
    sweep = ["-m"] if isinstance(entry, SweepEntry) and row.get("overrides") else []
    words = [row.get("verb", row.get("stage")), row.get("experiment"), *sweep, *row.get("overrides", [])]
    return " ".join(str(word) for word in words if word)


def write_index(output_dir: Path) -> None:
    """Write the report's first page anew. One process at a time reads and writes, so the last one has seen all."""
    from ain.report.index import report_index

    where = output_dir / REPORT
    with lock(where, doing="writing the report's first page"):
        report_index([_linked(described(entry)) for entry in entries(output_dir)], where)


def _linked(one: dict[str, Any]) -> dict[str, Any]:
    """Return the entry with its pages as seen from the first page."""
    pages = {label: page.relative_to(REPORT).as_posix() for label, page in one["pages"].items()}
    return {**one, "pages": pages, "jobs": [_linked(job) for job in one["jobs"]]}
