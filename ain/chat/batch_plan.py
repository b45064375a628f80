"""Groups requests into batches that fit the server's queue and the budget."""

from collections.abc import Iterator
from itertools import chain

from ain.chat import Request
from ain.chat.batch_files import BatchFiles
from ain.chat.cost import Budget
from ain.chat.protocol import Endpoint

MAX_REQUESTS, MAX_BYTES = 50_000, 200_000_000  # OpenAI's limits for one batch


class Plan:
    def __init__(self, endpoint: Endpoint, files: BatchFiles, budget: Budget, enqueued_tokens: int) -> None:
        self.endpoint, self.files, self.budget, self.enqueued_tokens = endpoint, files, budget, enqueued_tokens
        self._held: Request | None = None  # did not fit into the budget while other answers were pending

    def write(self, requests: Iterator[Request]) -> bool:
        """Write batches until the queue is full. Return False if no requests were left."""
        queued = planned = 0
        for number, batch in enumerate(self._split(requests), len(self.files.all())):
            path = self.files.directory / f"{number:05d}.jsonl"
            self.files.write(path, batch)
            self.files.note(path, {"step": "planned"})
            planned += len(batch)
            size = sum(self.endpoint.tokens(request) for request in batch)
            queued += size
            if queued + size > self.enqueued_tokens or self._held:  # another batch of this size would not fit
                break
        return planned > 0

    def _split(self, requests: Iterator[Request]) -> Iterator[list[Request]]:
        batch: list[Request] = []
        size = tokens = 0
        held, self._held = self._held, None
        for request in chain([held] if held else [], requests):
            if not self.endpoint.promise(request, self.budget):
                if not self.budget.open:
                    raise self.budget.over()
                self._held = request
                break
            batch.append(request)
            size += len(self.endpoint.batch_line(request))
            tokens += self.endpoint.tokens(request)
            room = size < MAX_BYTES * 0.95 and tokens < self.enqueued_tokens * 0.9
            if len(batch) == MAX_REQUESTS or not room:
                yield batch
                batch, size, tokens = [], 0, 0
        if batch:
            yield batch
