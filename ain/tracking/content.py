"""What a run shows: numbers, tables, figures, and artifacts that name what they were made from."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ain.storage.digests import digest
from ain.storage.manifest import MARKER, read_manifest
from ain.storage.tables import read_table
from ain.tracking.tracker import library


@dataclass(frozen=True)
class Made:
    """A stage's finished directory. name: as a prefix, `collect` or `collect_2`; used: the run found it finished.

    curves: file → prefix of its metrics; repeated: tables that hold the curves once more.
    """

    name: str
    directory: Path
    scalars: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, str] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
    used: bool = False


@dataclass(frozen=True)
class Media:
    """A table (CSV) or a figure (PNG). directory: what the paths of its thumbnails are relative to."""

    path: Path
    directory: Path

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def made(self) -> Any:
        wandb = library()
        if self.path.suffix == ".png":
            return wandb.Image(str(self.path))
        rows = read_table(self.path)[: wandb.Table.MAX_ROWS]
        columns = [self._column(name, [row[name] for row in rows]) for name in rows[0]]
        return wandb.Table(list(rows[0]), list(zip(*columns, strict=True)))

    def _column(self, name: str, values: list[Any]) -> list[Any]:
        """Return thumbnails as images, any other values unchanged."""
        if name != "thumbnail":
            return values
        images = {value: library().Image(str(self.directory / value)) for value in dict.fromkeys(values) if value}
        return [images.get(value) for value in values]


def media(stages: Iterable[Made], pages: dict[str, Path], tables: dict[str, Path]) -> dict[str, Media]:
    """Return the tables and figures of stages, then of pages, each content once: a page repeats those of its stages.

    They have prefixes of their own, `tables/train/watched`: under `train/` they would get the curves' step.
    """
    found: dict[str, Media] = {}
    repeated = {made.name: made.repeated for made in stages}
    for name, directory in {**{made.name: made.directory for made in stages}, **pages}.items():
        for path in (*sorted((directory / "tables").glob("*.csv")), *sorted((directory / "figures").glob("*.png"))):
            if path.suffix == ".png" or (path.stem not in repeated.get(name, ()) and path.stat().st_size):
                found[f"{path.parent.name}/{name}/{path.stem}"] = Media(path, directory)
    found |= {f"tables/{name}": Media(path, path.parent) for name, path in tables.items() if path.stat().st_size}
    once: dict[str, str] = {}
    return {key: one for key, one in found.items() if once.setdefault(one.digest, key) == key}


def scalars(stages: Iterable[Made]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for made in stages:
        found |= {**made.scalars, f"{made.name}/seconds": read_manifest(made.directory)["seconds"]}
    return found


def artifact_digest(made: Made) -> str:
    return digest((made.directory / MARKER).read_text(encoding="utf-8"))


def artifact(made: Made, upload: bool) -> Any:
    """Return the directory as an artifact. Without upload it refers to the manifest, which has the fingerprints and
    stands for all files beside it; nothing else is read."""
    manifest = read_manifest(made.directory)
    found = library().Artifact(
        made.directory.name.partition("-")[2],
        type="model" if (made.directory / "checkpoint").is_dir() else "dataset",
        metadata={
            "stage": manifest["stage"],
            "directory": str(made.directory.absolute()),
            "follows": manifest["follows"],
            "counts": {name: value for name, value in manifest["counts"].items() if isinstance(value, int | float)},
        },
    )
    if upload:
        found.add_dir(str(made.directory), policy="immutable")
    else:
        found.add_reference((made.directory / MARKER).absolute().as_uri(), name=MARKER)
    return found
