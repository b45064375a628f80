"""Lock a directory for one process at a time."""

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ain import UserError
from ain.runtime.console import log

POLL_S = 0.2  # seconds between two attempts of a waiting process
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)


@contextmanager
def lock(directory: Path, wait: bool = True, doing: str | None = None) -> Iterator[None]:
    """Hold the lock of a directory. A waiting process logs which process it waits for; the lock ends with its process.
    doing: what the holder does, if it does not make the directory.

    The kernel keeps the lock (flock), on NFS also between machines. Where a file system has no locks, a mere lock file
    (filelock's SoftFileLock) is no substitute: a job killed on another machine would leave it there for good.
    """
    directory.mkdir(parents=True, exist_ok=True)
    doing = doing or f"making {directory.name}"
    file = directory / ".lock"
    held = FileLock(file, poll_interval=POLL_S, fallback_to_soft=False)
    try:
        if not _taken(held, timeout=0):
            holder = file.read_text(encoding="utf-8").strip() or "another process"
            if not wait:
                raise UserError(f"{holder} is {doing}; wait until it has ended")
            log.info(f"waiting for {holder}, which is {doing}")
            _taken(held, timeout=-1)
        file.write_text(
            f"process {os.getpid()} on {socket.gethostname()} (since {time.strftime('%H:%M:%S')})\n", encoding="utf-8"
        )
        yield
    finally:
        held.release()


def _taken(held: FileLock, timeout: float) -> bool:
    """Return True once this process holds the lock, False after the timeout. A negative timeout waits forever."""
    try:
        held.acquire(timeout)
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise UserError(
            f"{Path(held.lock_file).parent}: its file system has no locks ({error.strerror}); "
            "mount it with locks (Lustre: -o flock), or set output_dir to another one"
        ) from None
    return True
