"""Worker processes that start in the background: loading libraries takes seconds, in which the work need not wait.

The forkserver loads the libraries once and forks the workers, which share its memory. A process has one forkserver, which
loads what the first stage names; workers of later stages load the rest themselves.
"""

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from multiprocessing.connection import wait
from typing import Any

from ain import UserError


class Processes:
    """A context of worker processes, each with a copy of a part, which start after `after_s` seconds.

    A part may name in `libraries` the modules that it imports only when it works.
    """

    def __init__(self, workers: int, part: Any, after_s: float) -> None:
        self._workers, self._after_s = workers, after_s
        self._packed = pickle.dumps(part)  # before it loads anything
        self._modules = [type(part).__module__, *getattr(part, "libraries", ())]
        self._ready, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)  # no exit waits for processes that only start

    def __enter__(self) -> "Processes":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self.ready():
            self._thread.join()

    def ready(self) -> bool:
        return self._ready.is_set()

    def _live(self) -> None:
        if self._ended.wait(self._after_s):
            return
        # Ctrl-C reaches the whole process group. The processes inherit this mask, and the main one ends them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        multiprocessing.set_forkserver_preload(self._modules)
        context = multiprocessing.get_context("forkserver")
        self._pool = futures.ProcessPoolExecutor(self._workers, context, _prepare, (self._packed, self._modules))
        futures.wait([self._pool.submit(os.getpid)])
        self._ready.set()
        self._ended.wait()
        self._pool.shutdown(cancel_futures=True)

    def map(self, method: str, blocks: Iterable[Any]) -> Iterator[Any]:
        """Yield results in the order of the blocks. At most two blocks for each process are in flight, to limit memory."""
        flying = deque[futures.Future[Any]]()
        try:
            for block in blocks:
                if len(flying) >= 2 * self._workers:
                    yield flying.popleft().result()
                flying.append(self._pool.submit(_work, method, block))
            while flying:
                yield flying.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                "a worker process was killed, often for want of memory; lower engine.workers and run the same command "
                "to resume"
            ) from None


_part: Any = None  # of a worker process


def _prepare(packed: bytes, modules: list[str]) -> None:
    global _part
    end_with_parent()
    for name in modules:
        import_module(name)
    _part = pickle.loads(packed)


def end_with_parent() -> None:
    """From now on, end this process when the one that started it is gone, however that ended."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(method: str, block: Any) -> Any:
    return getattr(_part, method)(block)
