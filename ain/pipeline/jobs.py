"""Find runs again: read every job.json and sweep.json below `output_dir`. Needs no Hydra, so that `ain status` is fast."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ain import UserError
from ain.pipeline.stages import STAGES
from ain.runtime.processes import is_gone
from ain.storage.damage import Damaged
from ain.storage.files import replace_text
from ain.storage.manifest import is_done

RUNS, DATA, REPORT = "runs", "data", "report"  # folders of output_dir
NOTING = "noting or removing what jobs refer to"  # under the lock of RUNS
IDENTITY = "[0-9a-f]{12}"  # the name of a job
DIRECTORY = rf"\d\d-(?:{'|'.join(STAGES)})-{IDENTITY}"  # the name of a stage's directory


@dataclass(frozen=True, eq=False)
class JobEntry:
    """A job as its job.json tells. name: below `runs`, as JOB or sweep-HASH/JOB. row: empty if the file is damaged."""

    name: str
    output_dir: Path
    row: dict[str, Any]

    @property
    def file(self) -> Path:
        return self.output_dir / RUNS / self.name / "job.json"

    @property
    def job(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def status(self) -> str:
        """Return running, done, failed, unavailable; killed, where its process is gone; missing, where its sweep has not
        come to it; or damaged."""
        status = str(self.row.get("status", "damaged"))
        return "killed" if status == "running" and is_gone(self.row) else status

    @property
    def is_running(self) -> bool:
        return self.status == "running"

    @property
    def started(self) -> float:
        return float(self.row.get("started", 0.0))

    @property
    def knows_its_directories(self) -> bool:
        """Return False for a damaged file, and for one of an earlier version of ain: it may refer to anything."""
        return "directories" in self.row

    @property
    def directories(self) -> dict[str, Path]:
        """Return the directories of all its stages, done or not. They count by name: output_dir may have moved."""
        found = self.row.get("directories", {})
        return {stage: self.output_dir / DATA / Path(name).name for stage, name in found.items()}

    @property
    def missing(self) -> list[str]:
        return [stage for stage, directory in self.directories.items() if not is_done(directory)]

    @property
    def page(self) -> Path | None:
        """Return the job's page in the report, relative to output_dir, if it is there."""
        page = self.row.get("page")
        return Path(page) if page and (self.output_dir / page).exists() else None


@dataclass(frozen=True, eq=False)
class SweepEntry:
    """A sweep as its sweep.json and its jobs tell. row: empty if the file is damaged or missing."""

    name: str
    output_dir: Path
    row: dict[str, Any]
    jobs: list[JobEntry]

    @property
    def started(self) -> float:
        return float(self.row.get("started") or max((job.started for job in self.jobs), default=0.0))

    @property
    def status(self) -> str:
        """Return how many of its jobs are in which state, as in `running: 2 done, 1 failed, 3 missing`."""
        met = [job.status for job in self.jobs if job.status != "missing"]
        counts = {status: met.count(status) for status in dict.fromkeys(["done", *sorted(met)])}
        counts["missing"] = self._missing(len(met))
        said = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no jobs"
        return f"running: {said}" if self.is_running else said

    @property
    def is_running(self) -> bool:
        ended = self.row.get("ended") or not self.row or is_gone(self.row)
        return not ended or any(job.status == "running" for job in self.jobs)

    def _missing(self, met: int) -> int:
        if self.row.get("ended"):  # two jobs that differ in `how` alone are one
            return 0
        return max((self.row.get("jobs") or 0) - met, len(self.jobs) - met)

    @property
    def pages(self) -> list[Path]:
        found = (Path(page) for page in self.row.get("pages", []))
        return [page for page in found if (self.output_dir / page).exists()]

    @property
    def directories(self) -> dict[str, Path]:
        """Return the directories of all its jobs, each once, under their own names."""
        return {path.name: path for job in self.jobs for path in job.directories.values()}


Entry = JobEntry | SweepEntry


def read_row(path: Path) -> dict[str, Any] | None:
    """Return the content of a job.json or sweep.json, or None if it is missing or damaged."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return row if isinstance(row, dict) and {"status", "jobs"} & set(row) else None


def known_row(path: Path) -> dict[str, Any]:
    """Return the content of a job.json. Raise Damaged if it is missing or damaged."""
    if (row := read_row(path)) is None:
        raise Damaged(path, "no job", f"delete {path} and run the job again, which finds its stages done")
    return row


def write_row(path: Path, row: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, json.dumps(row, indent=2, ensure_ascii=False))


def labels(overrides: list[list[str]]) -> list[str]:
    """Return for each job of a sweep the overrides that the others do not have, too."""
    common = set.intersection(*map(set, overrides)) if len(overrides) > 1 else set()
    return [" ".join(word for word in own if word not in common) or "(defaults)" for own in overrides]


def entries(output_dir: Path) -> list[Entry]:
    """Return all jobs alone and all sweeps, the last started first."""
    runs = output_dir / RUNS
    alone = [_job(path, output_dir) for path in runs.glob("*/job.json")]
    sweeps = [_sweep(path, output_dir) for path in runs.glob("sweep-*") if path.is_dir()]
    found: list[Entry] = [*alone, *(sweep for sweep in sweeps if sweep.jobs or sweep.row)]
    return sorted(found, key=lambda entry: entry.started, reverse=True)


def jobs_of(found: list[Entry]) -> Iterator[JobEntry]:
    for entry in found:
        yield from [entry] if isinstance(entry, JobEntry) else entry.jobs


def named(found: list[Entry], name: str) -> list[Entry]:
    """Return the jobs and sweeps with this name or experiment, else those whose name starts with it, jobs of sweeps
    included. Raise UserError, with the nearest, if there is none."""
    every: list[Entry] = [*found, *(job for job in jobs_of(found) if "/" in job.name)]
    exact = [entry for entry in every if entry.name == name] or [one for one in found if _experiment(one) == name]
    if meant := exact or [entry for entry in every if name and any(part.startswith(name) for part in _names(entry))]:
        return meant
    known = [part for entry in every for part in (entry.name, _experiment(entry)) if part]
    near = difflib.get_close_matches(name, known, 1, cutoff=0)
    raise UserError(f"{name}: no such job, sweep or experiment{f'; the nearest is {near[0]}' if near else ''}")


def _experiment(entry: Entry) -> str | None:
    return entry.row.get("experiment")


def _names(entry: Entry) -> list[str]:
    """Return what a name may begin with. Jobs of a sweep do not begin with its name, unless they are meant."""
    last = entry.name.rpartition("/")[2]
    return [last, last.removeprefix("sweep-")]


def _job(path: Path, output_dir: Path) -> JobEntry:
    return JobEntry(path.parent.relative_to(output_dir / RUNS).as_posix(), output_dir, read_row(path) or {})


def _sweep(folder: Path, output_dir: Path) -> SweepEntry:
    jobs = [_job(path, output_dir) for path in folder.glob("*/job.json")]
    jobs.sort(key=lambda job: job.started)
    return SweepEntry(folder.name, output_dir, read_row(folder / "sweep.json") or {}, jobs)
