"""`ain compare JOB JOB...`: settings that differ, counts of stages, scores and paired differences from the first job."""

import json
from collections.abc import Iterator
from typing import Any

from ain import UserError
from ain.cli.columns import columns
from ain.cli.parser import Parser
from ain.pipeline.index import asked
from ain.pipeline.jobs import JobEntry, entries, labels, named
from ain.report import headline
from ain.storage.tables import Table

_ABOUT = """\
Compare jobs: the settings that differ (defaults included), counts of each stage, accuracies with 95 % intervals, paired
differences between the first job and each other one, and the stages that they share. A sweep stands for its jobs.
output_dir=DIR names the directory that the runs wrote to (outputs)."""
_TITLES = {
    "settings": "Settings that differ",
    "stages": "Stages",
    "scores": "Accuracy in percent, with 95 % intervals",
    "differences": "Points of accuracy above {first}, over the same questions; intervals over images; p (Holm) is corrected "
    "for the number of rows",
    "shared": "Stages that several of the jobs share",
}
LONGEST = 60  # characters of a cell


def main(words: list[str]) -> None:
    parser = Parser("compare", _ABOUT)
    parser.add_argument(
        "names", metavar="JOB", nargs="+", help="the beginning of a job's or sweep's name, or an experiment"
    )
    parser.add_argument("--json", action="store_true", help="print the same as data")
    given = parser.read(words)

    found = entries(given.output_dir)
    meant = [job for name in given.names for entry in named(found, name) for job in _jobs(entry)]
    jobs = {job.name.rpartition("/")[2]: job for job in meant}  # the same job may run alone and in sweeps
    if len(jobs) < 2:
        raise UserError(f"compare {' '.join(given.names)}: that is one job; name two or more, or a sweep with several")
    from ain.report.compare import compared
    from ain.report.measured import Measured

    tables = compared({name: Measured(job.directories) for name, job in jobs.items()})
    if given.json:
        rows = [{"name": name, "asked": asked(job), "status": job.status} for name, job in jobs.items()]
        print(json.dumps({"jobs": rows, **tables}, indent=2, ensure_ascii=False, default=str))
    else:
        print("\n".join(_lines(jobs, tables)))


def _jobs(entry: Any) -> list[JobEntry]:
    return [entry] if isinstance(entry, JobEntry) else entry.jobs


def _lines(jobs: dict[str, JobEntry], tables: dict[str, Table]) -> Iterator[str]:
    said = labels([job.row.get("overrides", []) for job in jobs.values()])
    rows = [(name, job.status, label) for (name, job), label in zip(jobs.items(), said, strict=True)]
    yield from columns([("JOB", "STATUS", "ASKED"), *rows])
    if tables["scores"] and not tables["differences"]:
        tables["differences"] = [{"": "none: the jobs have no question in common"}]
    for name, rows_of in tables.items():
        if rows_of:
            yield from ("", _TITLES[name].format(first=next(iter(jobs))))
            yield from (f"  {line}" for line in columns(_cells(rows_of, "null" if name == "settings" else "-")))


def _cells(rows: Table, none: str) -> Iterator[tuple[str, ...]]:
    yield tuple(rows[0])
    for row in rows:
        yield tuple(_cell(none if value is None else value) for value in row.values())


def _cell(value: Any) -> str:
    if type(value) in (int, float):
        text = headline.number(value)
    else:
        text = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
