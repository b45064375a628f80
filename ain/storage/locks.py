"""One process at a time in a directory."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ain import UserError
from ain.runtime.console import log


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
            log.info(f"waiting for {holder}, which is making {directory.name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()} (since {time.strftime('%H:%M:%S')})\n")
        file.flush()
        yield
