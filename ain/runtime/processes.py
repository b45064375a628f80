"""Tell whether a process that noted its machine, number and start is still there."""

import os
import socket
from pathlib import Path
from typing import Any


def this_process() -> dict[str, Any]:
    """Return what identifies this process for good: numbers are given again, so its start counts too."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "process_started": _started(os.getpid())}


def is_gone(noted: dict[str, Any]) -> bool:
    """Return whether the process ended. False if it cannot be known: on another machine, or without /proc. True if none
    was noted, as by earlier versions."""
    if "pid" not in noted:
        return True
    if noted["host"] != socket.gethostname() or noted["process_started"] is None:
        return False
    return _started(noted["pid"]) != noted["process_started"]


def _started(pid: int) -> str | None:
    """Return the start in ticks since the machine's own, or None if the process is gone or a mere zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *rest = stat.rpartition(")")[2].split()  # the name before it may hold spaces
    return None if state in "ZX" else rest[18]
