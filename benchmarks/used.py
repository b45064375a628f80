"""What a process and all below it use: CPU seconds and memory, read from /proc ten times a second."""

import os
import threading
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Used:
    """Watches a process from now on. peak: memory in MB, without mapped files; pages that processes share count once."""

    def __init__(self, pid: int | None = None) -> None:
        self.peak = 0.0
        self._pid = pid or os.getpid()
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
            memory += sum(
                int(line.split()[1]) for line in _read(f"/proc/{pid}/smaps_rollup").splitlines() if "Pss_Anon" in line
            )
        self.peak = max(self.peak, memory / 1024)


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
