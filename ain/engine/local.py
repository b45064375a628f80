"""Compute on this machine: components with a model in this process, work of one core in several processes."""

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from multiprocessing.connection import wait
from typing import Any

from ain import UserError
from ain.runtime.distributed import cores
from ain.runtime.ranges import Positive

START_AFTER_S = 3.0  # seconds of work in this process before others are started, which takes about as long


class Local:
    """workers: processes for collect, mix and tokenize; null: one for each core. A model uses all cores by itself."""

    def __init__(self, workers: Positive | None = None) -> None:
        self.workers = workers or cores(1)

    def map(self, part: Any, method: str, blocks: Iterable[Any]) -> Iterator[Any]:
        return (getattr(part, method)(block) for block in blocks)

    def spread(self, part: Any, method: str, blocks: Iterable[Any]) -> Iterator[Any]:
        """Yield results in the order of the blocks. Little work is done in this process."""
        if self.workers == 1:
            yield from self.map(part, method, blocks)
            return
        packed, started, waiting = pickle.dumps(part), time.monotonic(), iter(blocks)  # packed before it loads anything
        multiprocessing.set_forkserver_preload([type(part).__module__])  # its libraries load once for all processes
        for block in waiting:
            if time.monotonic() - started >= START_AFTER_S:
                yield from self._in_processes(part, packed, method, chain([block], waiting))
                return
            yield getattr(part, method)(block)

    def _in_processes(self, part: Any, packed: bytes, method: str, blocks: Iterable[Any]) -> Iterator[Any]:
        """At most two blocks for each process are in flight, to limit memory. While the processes start, which takes
        seconds, this one goes on with the work."""
        pool = ProcessPoolExecutor(self.workers, multiprocessing.get_context("forkserver"), _prepare, (packed,))
        flying: deque[Future[Any]] = deque()
        ready = False
        try:
            for block in blocks:
                while flying and flying[0].done():
                    ready = True
                    yield flying.popleft().result()
                if not ready and len(flying) >= self.workers:
                    flying.append(_finished(getattr(part, method)(block)))
                    continue
                if len(flying) >= 2 * self.workers:
                    yield flying.popleft().result()
                flying.append(pool.submit(_work, method, block))
            while flying:
                yield flying.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                "a worker process was killed, often for want of memory; lower engine.workers and run the same command "
                "to resume"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finished(result: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(result)
    return future


_part: Any = None  # of a worker process


def _prepare(packed: bytes) -> None:
    global _part
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the main process ends the workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _part = pickle.loads(packed)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _work(method: str, block: Any) -> Any:
    return getattr(_part, method)(block)


HERE = Local(workers=1)
