"""What a process and all below it use: CPU seconds and memory, read from /proc ten times a second."""

import os
import threading
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Used:
    """Watches a process from now on. peak: memory in MB, without mapped files; pages that processes share count once.

    memory: whether to look at it, which costs about a tenth of a core for a few processes.
    """

    def __init__(self, pid: int | None = None, memory: bool = True) -> None:
        self.peak = 0.0
        self._pid, self._memory = pid or os.getpid(), memory
        self._cpu: dict[int, float] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def cpu(self) -> float:
        """Return CPU seconds of all processes, those that have ended included."""
        self._look()
        return sum(self._cpu.values())

    def _watch(self) -> None:
        while True:
            self._look()
            time.sleep(0.1)

    def _look(self) -> None:
        memory = 0
        for pid in _family(self._pid):
            fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
            if fields:
                self._cpu[pid] = (int(fields[11]) + int(fields[12])) / TICKS
            if self._memory:
                memory += _anonymous(pid)
        self.peak = max(self.peak, memory / 1024)


def _anonymous(pid: int) -> int:
    """Return the process's share of memory that is no file, in KB."""
    lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    return sum(int(line.split()[1]) for line in lines if "Pss_Anon" in line)


def _family(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for one in found:
        tasks = Path(f"/proc/{one}/task")
        lists = [_read(str(task / "children")) for task in tasks.iterdir()] if tasks.exists() else []
        found += [int(child) for listed in lists for child in listed.split()]
    return found


def _read(path: str) -> str:
    """Return a file of /proc, or nothing if its process has ended."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
