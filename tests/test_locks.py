"""Locks: one process at a time per directory; waiting processes know the owner; a dead owner's lock is free."""

import errno
import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ain import UserError
from ain.storage.locks import lock


def other(directory: Path, then: str = "") -> "subprocess.Popen[str]":
    """Start another process that prints "mine" once it holds the lock, and holds it until its input ends."""
    code = f"""
import sys
from pathlib import Path
from ain.storage.locks import lock
with lock(Path({str(directory)!r}), wait={then != "refuse"}):
    print("mine", flush=True)
    sys.stdin.read()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code], text=True, **pipes)  # type: ignore[call-overload, no-any-return]


def line(process: "subprocess.Popen[str]", stream: str = "stdout") -> str:
    return str(getattr(process, stream).readline()).strip()


def test_who_waits_says_for_whom_and_then_goes_on(tmp_path: Path) -> None:
    first = other(tmp_path)
    assert line(first) == "mine"
    second = other(tmp_path)
    said = line(second, "stderr")
    assert said.startswith(f"ain: waiting for process {first.pid} on ")
    assert said.endswith(f"which is making {tmp_path.name}")
    first.communicate()
    assert line(second) == "mine"
    assert f"process {second.pid} on " in (tmp_path / ".lock").read_text()
    second.communicate()


def test_who_does_not_wait_is_refused_and_leaves_the_holder_its_name(tmp_path: Path) -> None:
    first = other(tmp_path)
    assert line(first) == "mine"
    for _ in range(2):
        with pytest.raises(UserError, match=f"process {first.pid} on .* is making"), lock(tmp_path, wait=False):
            raise AssertionError("two hold one lock")
    first.communicate()
    with lock(tmp_path, wait=False):
        assert (tmp_path / ".lock").exists()


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    first = other(tmp_path)
    assert line(first) == "mine"
    first.send_signal(signal.SIGKILL)
    first.wait()
    with lock(tmp_path, wait=False):
        pass


def test_an_error_inside_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock(tmp_path):
        raise ZeroDivisionError
    second = other(tmp_path, "refuse")
    assert line(second) == "mine"
    second.communicate()


def test_a_file_system_without_locks_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file system's error is simulated."""

    def flock(file: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(UserError, match=r"no locks .*set output_dir to another"), lock(tmp_path):
        pass
    assert not list(tmp_path.glob("*.soft*"))
