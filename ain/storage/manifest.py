"""Read and write the manifest that marks a stage's directory as done: what was made, from what, with which settings."""

from pathlib import Path
from typing import Any

from ain.storage.damage import read_guarded, write_guarded

MARKER = "manifest.json"


def is_done(directory: Path) -> bool:
    return (directory / MARKER).exists()


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return a finished stage's manifest. Raise Damaged if it is not as it was written."""
    path = directory / MARKER
    return read_guarded(path, f"delete {directory} and run the same command, which makes it again")


def write_manifest(directory: Path, manifest: dict[str, Any]) -> None:
    write_guarded(directory / MARKER, manifest)


def lineage(directory: Path) -> dict[str, Any]:
    """Return the manifests of a stage and of everything upstream, by directory name."""
    manifest = read_manifest(directory)
    found = {directory.name: manifest}
    for name in followed(manifest):
        if (directory.parent / name / MARKER).exists():
            found |= lineage(directory.parent / name)
    return found


def followed(manifest: dict[str, Any]) -> list[str]:
    """Return the names of the directories that a stage read."""
    return _names(manifest.get("follows", {}))


def _names(follows: Any) -> list[str]:
    if isinstance(follows, dict):
        return [name for branch in follows.values() for name in _names(branch)]
    return [follows] if follows else []
