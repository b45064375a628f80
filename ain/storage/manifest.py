"""A stage's directory is marked as done by its manifest: what was made, from what, with which settings."""

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
    """The last thing a stage does; what has this mark is never made again. What killed processes left half-written goes."""
    for torn in directory.rglob(".*.*"):
        if torn.suffix[1:].isdecimal() and torn.is_file():
            torn.unlink()
    replace_text(directory / MARKER, json.dumps(manifest, indent=2, ensure_ascii=False))


def lineage(directory: Path) -> dict[str, Any]:
    """The manifests of a stage and of all that it was made from, by the names of their directories."""
    manifest = read_manifest(directory)
    found = {directory.name: manifest}
    for name in _names(manifest.get("follows", {})):
        if (directory.parent / name / MARKER).exists():
            found |= lineage(directory.parent / name)
    return found


def _names(follows: Any) -> list[str]:
    if isinstance(follows, dict):
        return [name for branch in follows.values() for name in _names(branch)]
    return [follows] if follows else []
