"""Compare everything below `output_dir`, or some of it, with the digests that were taken when it was written."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ain import UserError
from ain.pipeline.jobs import DATA, entries, jobs_of, known_row, named
from ain.storage.damage import Damaged
from ain.storage.ledger import Ledger
from ain.storage.listing import LISTING, Listing
from ain.storage.manifest import MARKER, followed, read_manifest

CHECKPOINTS, LEDGER = "checkpoints", "ledger.sqlite"


@dataclass(frozen=True)
class Part:
    """Something to compare in one go: a file of a stage, a training's checkpoint, the ledger, a job.json."""

    bytes: int
    compare: Callable[[], object]


def parts(output_dir: Path, names: list[str]) -> Iterator[Part | Damaged]:
    """Yield what to compare, and what is damaged already. names: directories and jobs; none for all of output_dir."""
    if not names:
        ledger = output_dir / LEDGER
        if any(output_dir.glob(f"{LEDGER}*")):
            yield Part(ledger.stat().st_size if ledger.exists() else 0, lambda: Ledger(ledger).check())
        for job in jobs_of(entries(output_dir)):
            yield Part(0, lambda file=job.file: known_row(file))  # type: ignore[misc]
    for directory in _directories(output_dir, names):
        yield from _of_directory(directory)


def compared(found: Iterable[Part | Damaged], bar: Any) -> Iterator[Damaged]:
    """Compare all parts and yield what is damaged. The bar counts bytes."""
    for part in found:
        if isinstance(part, Damaged):
            yield part
            continue
        try:
            part.compare()
        except Damaged as damaged:
            yield damaged
        bar.update(part.bytes)


def followers(directory: Path) -> list[str]:
    """Return the names of the finished directories that were made from one, directly or through others."""
    above: dict[str, list[str]] = {}
    for marker in directory.parent.glob(f"*/{MARKER}"):
        try:
            above[marker.parent.name] = followed(read_manifest(marker.parent))
        except Damaged:
            continue
    found = {directory.name}
    while more := {name for name, names in above.items() if name not in found and found & set(names)}:
        found |= more
    return sorted(found - {directory.name})


def _directories(output_dir: Path, names: list[str]) -> Iterator[Path]:
    if not names:
        yield from sorted(path for path in (output_dir / DATA).glob("*") if path.is_dir() and path.name[0] != ".")
        yield from sorted((output_dir / CHECKPOINTS).glob(".*-*"))
        return
    for name in names:
        if Path(name).is_dir():
            yield Path(name)
            continue
        for job in jobs_of(named(entries(output_dir), name)):
            yield from (path for path in job.directories.values() if path.exists())
            for need in map(Path, job.row.get("needs", [])):
                mark = output_dir / need.with_name(f".{need.name}")
                yield mark if mark.exists() else output_dir / need


def _of_directory(directory: Path) -> Iterator[Part | Damaged]:
    root = directory.with_name(directory.name[1:]) if directory.name.startswith(".") else directory
    if not any((directory / name).exists() for name in (MARKER, LISTING)):
        return
    try:
        listing = Listing(directory, root)
        if (directory / MARKER).exists():
            read_manifest(directory)
    except Damaged as damaged:
        yield damaged
        return
    for entry in listing.entries.values():
        if entry.rows is not None or (directory / MARKER).exists():
            yield Part(entry.bytes, lambda entry=entry: listing.compare(entry))  # type: ignore[misc]
    if saved := sorted((directory / "checkpoints").glob("step-*")):
        from ain.trainer.checkpoints import Checkpoints  # loads torch

        checkpoints = Checkpoints(directory / "checkpoints", len(saved))
        for path in saved:
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            yield Part(size, lambda path=path: checkpoints.compare(path))  # type: ignore[misc]


def refuse_nowhere(output_dir: Path) -> None:
    if not output_dir.is_dir():
        raise UserError(f"output_dir={output_dir}: no such directory")
