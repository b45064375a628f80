"""Damaged files: the error that names one, and JSON files that notice their own damage."""

import json
from pathlib import Path
from typing import Any

from ain import UserError
from ain.storage.digests import digest
from ain.storage.files import replace_text

DIGEST = "digest"  # key of a file's own digest


class Damaged(UserError):
    """A file is not as it was written. directory: the stage that it belongs to, if it belongs to one."""

    def __init__(self, path: Path, why: str, remedy: str, directory: Path | None = None) -> None:
        super().__init__(f"{path}: damaged ({why}); {remedy}")
        self.directory = directory


def write_guarded(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file with its own digest in it."""
    plain = json.loads(json.dumps(content | {DIGEST: None}))
    plain[DIGEST] = digest({**plain, DIGEST: None})
    replace_text(path, json.dumps(plain, indent=2, ensure_ascii=False))


def read_guarded(path: Path, remedy: str) -> dict[str, Any]:
    """Return what `write_guarded` wrote. Raise Damaged if it was changed. A file without a digest passes: an earlier version
    wrote it."""
    try:
        content = json.loads(path.read_bytes().decode())
    except ValueError:
        raise Damaged(path, "no JSON" if path.stat().st_size else "empty", remedy, path.parent) from None
    if not isinstance(content, dict):
        raise Damaged(path, "no JSON object", remedy, path.parent)
    if any(map(_almost, content)):
        raise Damaged(path, "its content has changed", remedy, path.parent)
    if DIGEST in content and content[DIGEST] != digest({**content, DIGEST: None}):
        raise Damaged(path, "its content has changed", remedy, path.parent)
    return content


def _almost(key: str) -> bool:
    """Return whether a damaged bit may have made this key of DIGEST, so that the file would pass for an earlier version's."""
    return len(key) == len(DIGEST) and sum(a != b for a, b in zip(key, DIGEST, strict=True)) == 1
