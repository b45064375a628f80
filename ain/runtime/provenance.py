"""What a result was made with: versions, the project's git commit, this machine, now."""

import platform
import socket
import subprocess
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ain import __version__
from ain.runtime.paths import INSTALLED, ROOT

_PACKAGES = ("torch", "transformers", "datasets", "pytorch-lightning", "deepspeed")


def provenance() -> dict[str, Any]:
    return {"versions": _versions(), "commit": commit(), "host": socket.gethostname(), "finished": _now()}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


@cache
def _versions() -> dict[str, str]:
    """Read off the installed packages' metadata; none of them is imported for it."""
    found = {"ain": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def commit() -> str | None:
    """The project's git commit, `-dirty` where files were changed since; None where there is no git to ask."""
    if INSTALLED:  # in whose repository, if any, is not ours
        return None
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
    except OSError:
        return None
    return found.stdout.strip() or None
