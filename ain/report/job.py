"""Write a job's page from what its stages left on disk: `index.html`, self-contained, and `index.md`."""

import shutil
from pathlib import Path
from typing import Any

from ain.report import figures
from ain.report.comparison import comparison
from ain.report.render import render
from ain.report.section import Section
from ain.storage.files import replace_bytes

OWN = ("tables", "figures", "records")  # folders that a page writes beside itself


def report(job: dict[str, Any], sections: list[Section], examples: dict[str, Any], where: Path) -> None:
    """Write the page. examples: records to look at, and links to their pages."""
    page: dict[str, Any] = {
        "job": job,
        "headline": job["headline"],
        "stages": [_stage(section) for section in sections],
        "rejections": [row for section in sections for row in section.rejections()],
        "examples": examples,
        "sections": [_section(section, where) for section in sections if section.title],
        "comparison": comparison(sections, where / "figures" / "accuracy.png"),
        "funnel": figures.funnel({one.name: one.counts for one in sections}, where / "figures" / "funnel.png"),
    }
    render(where, "job", page)


def clear(where: Path) -> None:
    """Delete the files of an earlier job's page."""
    for name in OWN:
        shutil.rmtree(where / name, ignore_errors=True)


def _stage(section: Section) -> dict[str, Any]:
    counts = {key: section.counts.get(key) for key in ("input", "kept", "rejected")}
    named = {"stage": section.name, "server": section.counts.get("server"), "seconds": section.manifest["seconds"]}
    return {**named, **counts}


def _section(section: Section, where: Path) -> dict[str, Any]:
    """Return a section for the page, and copy its figures for the Markdown page."""
    for name in section.shown:
        if figure := section.figure(name):
            (where / "figures").mkdir(parents=True, exist_ok=True)
            replace_bytes(where / "figures" / figure.name, figure.read_bytes())
    return {"title": section.title, "said": section.said, "blocks": section.blocks()}
