"""Gathers requests that wait at the same time, and answers them together in one thread."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

PAUSE_S = 0.01  # that the first request of a batch waits for others
TOGETHER = 1_024  # requests that are handed over together; the model makes batches of them
WAITING = 8_192  # requests that may wait

Work = Callable[[list[Any]], list[Any]]  # items → results in order


class Busy(Exception):
    """Too many requests are waiting."""


@dataclass(frozen=True)
class _Job:
    kind: Hashable
    work: Work
    item: Any
    result: asyncio.Future[Any]


class Gatherer:
    """Answers one batch at a time. What fails together is tried one by one, so that each client gets its own error."""

    def __init__(self) -> None:
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def ask(self, kind: Hashable, work: Work, item: Any) -> Any:
        """Return the result of `work` for the item, which is computed with waiting items of the same kind."""
        if self._jobs.full():
            raise Busy
        job = _Job(kind, work, item, asyncio.get_running_loop().create_future())
        self._jobs.put_nowait(job)
        return await job.result

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            jobs = [await self._jobs.get()]
            await asyncio.sleep(PAUSE_S)
            while len(jobs) < TOGETHER and not self._jobs.empty():
                jobs.append(self._jobs.get_nowait())
            kinds: dict[Hashable, list[_Job]] = {}
            for job in jobs:
                if not job.result.done():  # its client has gone
                    kinds.setdefault(job.kind, []).append(job)
            for several in kinds.values():
                await self._answer(several)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, jobs: list[_Job]) -> None:
        done = self._thread.submit(jobs[0].work, [job.item for job in jobs])
        await asyncio.wait([asyncio.wrap_future(done)])
        if (error := done.exception()) is None:
            for job, result in zip(jobs, done.result(), strict=True):
                if not job.result.done():
                    job.result.set_result(result)
        elif len(jobs) > 1:
            for job in jobs:
                await self._answer([job])
        elif not jobs[0].result.done():
            jobs[0].result.set_exception(error)
