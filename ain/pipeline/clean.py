"""Find what no job refers to any more, and remove it. The ledger, batches and whatever is unknown are left alone."""

import re
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ain import UserError
from ain.pipeline.jobs import (
    DATA,
    DIRECTORY,
    IDENTITY,
    REPORT,
    RUNS,
    Entry,
    JobEntry,
    SweepEntry,
    entries,
    jobs_of,
    named,
)
from ain.storage.damage import Damaged
from ain.storage.locks import lock
from ain.storage.manifest import MARKER, followed, read_manifest
from ain.storage.sizes import size

_CHECKPOINTS = "checkpoints"
_TINY = rf"miniature-[a-z_]+-{IDENTITY}"
_REMOVED = ".removed"  # ends the name of a directory that is being removed


@dataclass(frozen=True)
class Removal:
    """Something to remove. marks: files that make it count, removed first. lock: the directory whose lock to hold, if a
    process could be working there."""

    what: str
    paths: tuple[Path, ...]
    marks: tuple[Path, ...] = ()
    lock: Path | None = None

    @property
    def size(self) -> int:
        return sum(size(path) for path in self.paths)


def removals(output_dir: Path, names: list[str]) -> list[Removal]:
    """Return what to remove when the named jobs and sweeps are forgotten, in the order to do it.

    Raise UserError for a name that is unclear or runs, and for a job that is kept but does not say what it refers to.
    """
    found = entries(output_dir)
    forgotten = list(dict.fromkeys(_one(found, name) for name in names)) if names else []
    gone = {job.name for job in jobs_of(forgotten)}
    kept = [job for job in jobs_of(found) if job.name not in gone]
    for job in kept:
        if not job.knows_its_directories:
            raise UserError(
                f"{job.file}: damaged, or written by an earlier version, so the job may refer to anything; correct the "
                f"file, or forget the job, too: ain clean {job.name}"
            )
    sweeps = {one.name for one in found if isinstance(one, SweepEntry)} - {one.name for one in forgotten}
    needed = _needed(output_dir / DATA, kept)
    return [
        *(_forgotten(entry) for entry in forgotten),
        *_pages(output_dir, {job.job for job in kept}, {name.removeprefix("sweep-") for name in sweeps}),
        *_stages(output_dir / DATA, needed),
        *_checkpoints(output_dir / _CHECKPOINTS, kept),
        *_half_removed(output_dir),
        *_torn(output_dir, kept, needed),
    ]


def remove(removal: Removal) -> None:
    """Remove it. Killed at any moment, this leaves nothing that looks done. Raise UserError if a process works there."""
    with lock(removal.lock, wait=False) if removal.lock else nullcontext():
        for mark in removal.marks:
            mark.unlink(missing_ok=True)
        aside = [_aside(path) for path in removal.paths]
    for path in aside:
        if path is not None:
            shutil.rmtree(path)


def _aside(path: Path) -> Path | None:
    """Rename a directory, since half of it could be resumed under its own name, and return the new one. Delete a file."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return None
    if path.name.endswith(_REMOVED):
        return path
    target = path.with_name(f".{path.name}{_REMOVED}")
    shutil.rmtree(target, ignore_errors=True)
    return path.rename(target)


def _one(found: list[Entry], name: str) -> Entry:
    meant = named(found, name)
    if len(meant) > 1:
        raise UserError(f"{name}: may be {', '.join(entry.name for entry in meant)}; type one of these names")
    (entry,) = meant
    if entry.is_running:
        where = f"process {entry.row.get('pid')} on {entry.row.get('host')}"
        raise UserError(
            f"{entry.name}: still runs ({where}); stop it first; if it was killed, run ain clean there, or delete its job.json"
        )
    return entry


def _forgotten(entry: Entry) -> Removal:
    folder = entry.output_dir / RUNS / entry.name
    if isinstance(entry, JobEntry):
        return Removal("a job, with its log and W&B files", (folder,), (entry.file,))
    marks = (folder / "sweep.json", *(job.file for job in entry.jobs))
    return Removal(f"a sweep of {len(entry.jobs)} jobs, with their logs and W&B files", (folder,), marks)


def _pages(output_dir: Path, jobs: set[str], sweeps: set[str]) -> Iterator[Removal]:
    for kind, kept in (("jobs", jobs), ("sweeps", sweeps)):
        for page in _directories(output_dir / REPORT / kind, IDENTITY):
            if page.name not in kept:
                yield Removal("a page whose job is gone", (page,))


def _needed(data: Path, kept: list[JobEntry]) -> set[str]:
    """Return the names of directories that a job refers to, and of all that these follow."""
    waiting = [path.name for job in kept for path in job.directories.values()]
    waiting += [Path(name).name for job in kept for name in job.row.get("needs", [])]
    needed: set[str] = set()
    while waiting:
        if (name := waiting.pop()) not in needed:
            needed.add(name)
            waiting += _followed(data / name)
    return needed


def _followed(directory: Path) -> list[str]:
    try:
        return followed(read_manifest(directory))
    except FileNotFoundError:
        return []
    except Damaged:
        raise UserError(
            f"{directory / MARKER}: damaged, so the stage may follow anything; delete the file, and the stage is made again"
        ) from None


def _stages(data: Path, needed: set[str]) -> Iterator[Removal]:
    for directory in _directories(data, DIRECTORY):
        if directory.name not in needed:
            yield Removal("a stage that no job refers to", (directory,), (directory / MARKER,), directory)


def _checkpoints(folder: Path, kept: list[JobEntry]) -> Iterator[Removal]:
    """Yield the tiny checkpoints that no job needs, each with its mark beside it; none if a job does not say."""
    if not all("needs" in job.row for job in kept):
        return
    needed = {Path(name).name for job in kept for name in job.row["needs"]}
    for name in sorted({path.name.lstrip(".") for path in _directories(folder, rf"\.?{_TINY}")} - needed):
        mark = folder / f".{name}"
        yield Removal("a tiny checkpoint that no job needs", (folder / name, mark), (mark / MARKER,), mark)


def _half_removed(output_dir: Path) -> Iterator[Removal]:
    runs, report = output_dir / RUNS, output_dir / REPORT
    folders = [output_dir / DATA, output_dir / _CHECKPOINTS, runs, report / "jobs", report / "sweeps"]
    for folder in [*folders, *_directories(runs, f"sweep-{IDENTITY}")]:
        for directory in _directories(folder, rf"\..+{re.escape(_REMOVED)}"):
            yield Removal("half removed before", (directory,))


def _torn(output_dir: Path, kept: list[JobEntry], needed: set[str]) -> Iterator[Removal]:
    """Yield the temporary files of killed processes. Those of running jobs are not torn."""
    running = [job for job in kept if job.is_running]
    busy = {path.name for job in running for path in job.directories.values()}
    folders = [job.file.parent for job in kept if not job.is_running] + ([] if running else [output_dir / REPORT])
    data = [path for path in _directories(output_dir / DATA, DIRECTORY) if path.name in needed - busy]
    for folder in (*folders, *data):
        for path in folder.rglob(".*.*"):
            if path.suffix[1:].isdecimal() and path.is_file():
                yield Removal("a torn file", (path,), lock=folder if folder in data else None)


def _directories(folder: Path, pattern: str) -> list[Path]:
    """Return the directories whose whole name fits, sorted. Links are not ours."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(
        path for path in found if re.fullmatch(pattern, path.name) and path.is_dir() and not path.is_symlink()
    )
