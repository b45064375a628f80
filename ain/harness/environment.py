"""Creates the environment of a tool once, with pinned versions."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from ain import Unavailable, UserError
from ain.harness.tools import Tool
from ain.runtime.console import log
from ain.runtime.printable import one_line
from ain.storage.digests import digest
from ain.storage.locks import lock

_READY = "ready"  # a file that is written last
_UNREACHED = re.compile(
    r"NewConnectionError|Name or service|name resolution|Network is unreachable|ConnectTimeout|No route"
)


def environment(tool: Tool, root: Path) -> Path:
    """Return the Python of the tool's environment below `root`. It is created if it is missing or half made.

    Raises Unavailable if the network is missing, UserError for other failures; both name the log.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    directory = root / f"{tool.name}-{tool.version}-py{version}-{digest(tool.identity)}"
    python = directory / "venv" / "bin" / "python"
    if not (directory / _READY).exists():
        with lock(directory, doing=f"installing {tool.name}"):
            if not (directory / _READY).exists():  # another process may have made it in the meantime
                _make(tool, directory, python)
    return python


def _make(tool: Tool, directory: Path, python: Path) -> None:
    shutil.rmtree(directory / "venv", ignore_errors=True)
    steps = [[sys.executable, "-m", "venv", str(directory / "venv")]]
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pins = ["-c", str(tool.constraints)]
    steps += [[*install, *pins, *tool.needs]]
    steps += [[*install, *pins, "--no-deps", *tool.alone]] if tool.alone else []
    for number, step in enumerate(steps, 1):
        log.info(
            f"installing {tool.name} {tool.version} into {directory}, once, some minutes: {number} of {len(steps)}"
        )
        _do(step, directory / "install.log", tool)
    (directory / _READY).touch()


def _do(step: list[str], file: Path, tool: Tool) -> None:
    with open(file, "w+", encoding="utf-8", errors="replace") as written:
        done = subprocess.run(step, stdout=written, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
        written.seek(0)
        text = written.read()
    if done.returncode == 0:
        return
    if _UNREACHED.search(text):
        raise Unavailable(
            f"{tool.name} is not installed and the package index cannot be reached; connect to the network once, "
            f"or copy {file.parent} from a machine with the same paths ({file})"
        )
    lines = [line for line in text.splitlines() if line.strip()]
    raise UserError(f"{tool.name} cannot be installed: {one_line(lines[-1] if lines else 'no message')[:300]} ({file})")
