"""Compute on this machine: components with a model in this process, work of one core in several processes."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from ain.engine.processes import Processes
from ain.runtime.distributed import cores
from ain.runtime.ranges import Positive

START_AFTER_S = 1.0  # seconds of work before processes are started: less is soon done without them


class Local:
    """workers: processes for collect, mix and tokenize; null: one for each core. A model uses all cores by itself."""

    def __init__(self, workers: Positive | None = None) -> None:
        self.workers = workers or cores(1)

    def map(self, part: Any, method: str, blocks: Iterable[Any]) -> Iterator[Any]:
        return (getattr(part, method)(block) for block in blocks)

    def spread(self, part: Any, method: str, blocks: Iterable[Any]) -> Iterator[Any]:
        """Yield results in the order of the blocks. This process works until the others are ready to take over."""
        if self.workers == 1 or (isinstance(blocks, list) and len(blocks) == 1):
            yield from self.map(part, method, blocks)
            return
        waiting = iter(blocks)
        with Processes(self.workers, part, START_AFTER_S) as processes:
            for block in waiting:
                if processes.ready():
                    yield from processes.map(method, chain([block], waiting))
                    return
                yield getattr(part, method)(block)


HERE = Local(workers=1)
