"""A stage's directory: named by a fingerprint of all that shapes its content, locked while it is made, marked when done.

    fingerprint = H(stage, version, typed values of the config groups it reads, upstream fingerprints, external inputs)

Keys under `how:` (devices, workers, rates) and keys at their default shape no content and are left out.
"""

import fcntl
import hashlib
import inspect
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ain import UserError
from ain.record import replace_text

MARKER = "manifest.json"


@dataclass(frozen=True)
class Stage:
    """A row of the pipeline: its config groups and upstream stages are also its body's arguments."""

    name: str
    version: int  # bump when the body's result changes for the same inputs
    reads: tuple[str, ...] = ()  # groups that shape the result
    uses: tuple[str, ...] = ()  # groups that do not: where and how it is worked out
    after: tuple[str, ...] = ()
    body: str = ""  # the module in ain.stages, where it is not the name

    @property
    def module(self) -> str:
        return f"ain.stages.{self.body or self.name}"


def digest(value: Any) -> str:
    """Twelve hexadecimal digits; 1, 1.0, "1" and true are four different values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


def essence(node: Any) -> Any:
    """A group's values less what shapes no content: keys under `how`, nulls, and arguments at their class's default."""
    if isinstance(node, list):
        return [essence(value) for value in node]
    if not isinstance(node, dict):
        return node
    defaults = _defaults(node.get("_target_"))
    kept = {key: essence(value) for key, value in node.items() if key != "how" and value is not None}
    return {key: value for key, value in kept.items() if key not in defaults or not _same(value, defaults[key])}


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _defaults(target: str | None) -> dict[str, Any]:
    if target is None:
        return {}
    from hydra.utils import get_object

    parameters = inspect.signature(get_object(target)).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


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


@contextmanager
def lock(directory: Path, wait: bool = True) -> Iterator[None]:
    """One process at a time in a directory. Who waits says for whom; the lock goes with its process, however that ends."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            if not wait:
                raise UserError(f"{holder} is making {directory.name}; wait until it has ended") from None
            print(
                f"ain: waiting for {holder}, which is making {directory.name}",
                file=sys.stderr,
                flush=True,
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()} (since {time.strftime('%H:%M:%S')})\n")
        file.flush()
        yield


def folder_digest(directory: Path) -> str:
    """A listing of all files with sizes and modification times: cheap, and any change of the data changes it."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return digest([[str(path.relative_to(directory)), path.stat().st_size, path.stat().st_mtime_ns] for path in files])


def cache(name: str) -> Path:
    """A folder of the user's cache: what may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ain" / name


def content_digest(directory: Path) -> str:
    """The content of all files in a checkpoint's directory, hashed once and remembered by listing."""
    remembered = cache("digests") / digest([str(directory.resolve()), folder_digest(directory)])
    if remembered.exists():
        return remembered.read_text(encoding="utf-8")
    found = []
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        with open(path, "rb") as file:
            found.append([str(path.relative_to(directory)), hashlib.file_digest(file, "sha256").hexdigest()])
    remembered.parent.mkdir(parents=True, exist_ok=True)
    replace_text(remembered, digest(found))
    return digest(found)
