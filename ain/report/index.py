"""Write the first page of the report: the last job or sweep, then all others, each with a link to its page."""

import time
from pathlib import Path
from typing import Any

from ain.report import headline
from ain.report.render import render


def report_index(entries: list[dict[str, Any]], where: Path) -> None:
    """Write the page. entries: the last started first, each with its `name`, `asked`, `started`, `status`, `error`,
    `headline`, `pages` (label → path from `where`) and, for a sweep, `jobs` of the same shape."""
    render(where, "overview", {"entries": [_shown(entry) for entry in entries]}, "index")


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        **entry,
        "date": time.strftime("%Y-%m-%d %H:%M", time.localtime(entry["started"])) if entry["started"] else "",
        "line": headline.line(entry["headline"]),
        "cards": {name: headline.number(value) for name, value in entry["headline"].items()},
        "good": entry["status"].endswith("done"),  # a sweep's is `3 done` if nothing else happened
        "jobs": [_shown(job) for job in entry["jobs"]],
    }
