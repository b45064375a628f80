"""What the rows of a batch's output and error files say about its requests."""

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

from ain.chat import Reply, Request, Take
from ain.chat.batch_files import BatchFiles
from ain.chat.cost import Budget
from ain.chat.protocol import Endpoint
from ain.chat.shapes import ErrorSaid, Failure, Row, parsed


class Rows:
    """The results of a finished batch.

    `waiting` holds requests without an answer so far, `refused` those that never get one; `why` counts the errors.
    """

    def __init__(self, path: Path, files: BatchFiles, endpoint: Endpoint, budget: Budget) -> None:
        self.path, self.files, self.endpoint, self.budget = path, files, endpoint, budget
        self.waiting = {request.key: request for request in files.requests(path)}
        self.asked = len(self.waiting)
        self.refused: list[tuple[Request, Reply]] = []
        self.why: Counter[str] = Counter()

    @property
    def answered(self) -> int:
        return self.asked - len(self.waiting) - len(self.refused)

    @property
    def nothing(self) -> bool:
        return not self.answered

    @property
    def first(self) -> str:
        return self.why.most_common(1)[0][0] if self.why else "no row in its files"

    @cached_property
    def _sizes(self) -> dict[str, int]:
        """The prompt tokens of each request, for answers that do not count them."""
        return {request.key: self.endpoint.tokens(request) for request in self.files.requests(self.path, whole=True)}

    def take(self, line: bytes, take: Take) -> None:
        """Process one line. Duplicates, unknown ids and what is no row are ignored: their requests stay waiting."""
        try:
            row = parsed(Row, line)
            request = self.waiting.get(row.custom_id)
            if request is None:
                return
            found = self._read(row, request)
        except ValueError as error:
            self.why[self.endpoint.clean(str(error))] += 1
            return
        if isinstance(found, Reply):
            del self.waiting[request.key]
            self.budget.settle(request.key, found.prompt_tokens, found.completion_tokens, found.cached_tokens)
            return take(request, found)
        status = row.response.status_code if row.response else ""
        text = self.endpoint.clean(f"{status} {found.code or ''}: {found.message}" if found else f"{status}: no reason")
        self.why[text] += 1
        if status in (400, 413, 422):
            del self.waiting[request.key]
            self.budget.settle(request.key)
            self.refused.append((request, Reply(text, "failed")))

    def _read(self, row: Row, request: Request) -> Reply | ErrorSaid | None:
        """Return the reply, or the error instead of it. Raises ValueError for a body of another shape."""
        body: Any = row.response.body if row.response else None
        if row.response and row.response.status_code == 200:
            try:
                return self.endpoint.reply(body, request, prompt_tokens=lambda: self._sizes[request.key])
            except ValueError:
                self.budget.lost(request.key)  # the server may charge for it
                raise
        return row.error or parsed(Failure, body or {}).error
