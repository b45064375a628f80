"""Read and write the manifest that marks a stage's directory as done: what was made, from what, with which settings."""

import json
from pathlib import Path
from typing import Any

from ain.storage.files import replace_text

MARKER = "manifest.json"


def is_done(directory: Path) -> bool:
    return (directory / MARKER).exists()


def read_manifest(directory: Path) -> dict[str, Any]:
    return json.loads((directory / MARKER).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def mark_done(directory: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest as a stage's last step: a directory that has one is never made again. Delete half-written
    files of killed processes."""
    for torn in directory.rglob(".*.*"):
        if torn.suffix[1:].isdecimal() and torn.is_file():
            torn.unlink()
    replace_text(directory / MARKER, json.dumps(manifest, indent=2, ensure_ascii=False))


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
