"""Write a job's page from what its stages left on disk: `index.html`, self-contained, and `index.md`."""

import re
import shutil
from pathlib import Path
from typing import Any

from ain.report import about
from ain.report.comparison import comparisons
from ain.report.overview import overview
from ain.report.questions import evaluations
from ain.report.questions_page import write_questions
from ain.report.render import render
from ain.report.section import Section
from ain.storage.files import replace_bytes

LONGEST = 60  # characters of typed words in a title
OWN = ("tables", "figures", "records", "questions")  # folders that a page writes beside itself


def report(
    job: dict[str, Any], sections: list[Section], examples: dict[str, Any], where: Path, records: list[str]
) -> None:
    """Write the page, and the one with all questions. examples: records to look at, and links to their pages. records: ids
    of records and questions that were asked for."""
    asked = evaluations(sections)
    page: dict[str, Any] = {
        "job": job,
        "name": _name(job),
        "about": about.about(sections),
        "stages": [_stage(section) for section in sections],
        "rejections": [row for section in sections for row in section.rejections()],
        "examples": {"translations": [], "by_rule": {}, **examples},
        "sections": [made for one in sections if (made := _section(one, where))["said"] or made["blocks"]],
        "overview": overview(sections),
        "comparisons": comparisons(asked, where / "figures", _trained(job["headline"]), records),
        "questions": write_questions(asked, where),
        "usage": about.usage(sections),
        "settings": job.get("settings", []),
        "versions": about.versions(sections, job.get("made", [])),
        "libraries": about.libraries(sections),
    }
    render(where, "job", page)


def _trained(headline: dict[str, Any]) -> dict[str, Any]:
    return {name: headline[name] for name in ("translations kept", "trained on") if name in headline}


def _name(job: dict[str, Any]) -> str:
    """Return what tells this job from others, in a line: its experiment, and what was typed, or only the choices of
    groups if that is long."""
    typed = " ".join(job["overrides"])
    if len(typed) > LONGEST:
        typed = " ".join(word for word in job["overrides"] if "." not in word.partition("=")[0])
    return " ".join(filter(None, (job["experiment"], typed))) or "Default experiment"


def clear(where: Path) -> None:
    """Delete the files of an earlier job's page."""
    for name in OWN:
        shutil.rmtree(where / name, ignore_errors=True)


def _stage(section: Section) -> dict[str, Any]:
    counts = {key: section.counts.get(key) for key in ("input", "kept", "rejected")}
    return {"stage": section.name, **counts, "seconds": section.manifest["seconds"]}


def _section(section: Section, where: Path) -> dict[str, Any]:
    """Return a section for the page, and copy its figures for the Markdown page."""
    for name in section.shown:
        if figure := section.figure(name):
            (where / "figures").mkdir(parents=True, exist_ok=True)
            replace_bytes(where / "figures" / figure.name, figure.read_bytes())
    name = re.sub(r"\W+", "-", section.name).strip("-")
    return {"id": f"stage-{name}", "title": section.title, "said": section.said, "blocks": section.blocks()}
