"""Record what made a result: versions, the project's git commit, the machine, the time."""

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
    """Return the versions from the metadata of installed packages, without importing them."""
    found = {"ain": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def commit() -> str | None:
    """Return the project's git commit, with `-dirty` if files have changed since, or None without git."""
    if INSTALLED:  # a repository around it would not be ours
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
