"""OpenAI's Batch API: half the price, within a day. All state is on disk, so that a crash never submits anything twice.

A batch goes through planned → uploaded → created → done; each step is recorded after it succeeds. A crash can come in
between, so a step first looks on the server for its result: a file by its name, a batch by its metadata. Both contain a
mark that was recorded before. Answers go to `take`; requests without an answer go into another batch.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import openai
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ain import UserError
from ain.chat import Reply, Request, Take
from ain.chat.batch_files import BatchFiles, State
from ain.chat.batch_plan import Plan
from ain.chat.batch_rows import Rows
from ain.chat.client import FLOOR, Client
from ain.chat.cost import Budget
from ain.chat.failures import Waits, fatal, in_words, retry_after, transient, unreachable
from ain.chat.protocol import BYTES_PER_TOKEN, Endpoint
from ain.chat.shapes import Batch, File, Files, ListedBatches, parsed
from ain.runtime.console import log
from ain.runtime.progress import progress
from ain.storage.locks import lock

QUEUE_ATTEMPTS = 60  # submissions of a batch to a full queue
FIRST_POLL_S = 5.0  # small batches are often done within a minute
PAGES = 1_000  # of a list at most, in case it never ends
LISTED = 16 * FLOOR  # bytes of a page: OpenAI lists 10,000 files on one
ROW = 16_384  # bytes of a result besides its answer
ROUNDS = 3  # submissions of a request before it counts as unanswered
_OVER = ("completed", "expired", "cancelled", "failed")


class Batches:
    def __init__(
        self,
        endpoint: Endpoint,
        directory: Path,
        budget: Budget,
        enqueued_tokens: int,
        poll_s: float,
        max_attempts: int,
        timeout_s: float,
    ) -> None:
        self.endpoint, self.directory, self.budget, self.poll_s = endpoint, directory, budget, poll_s
        self.files = BatchFiles(directory)
        self.plan = Plan(endpoint, self.files, budget, enqueued_tokens)
        self.client = Client(endpoint, timeout_s)
        self.waits = Waits(endpoint.host)
        self._reached = False  # whether the server has answered at all
        self._retrying = Retrying(
            retry=retry_if_exception(self._again),
            wait=self._wait,
            stop=stop_after_attempt(max_attempts),
            reraise=True,
        )
        self._backoff = wait_exponential_jitter(initial=0.5, max=60)

    def _wait(self, state: RetryCallState) -> float:
        asked = retry_after(state.outcome.exception() if state.outcome else None)
        self.waits.begin(asked)
        return max(asked, self._backoff(state))

    def _again(self, error: BaseException) -> bool:
        return transient(error) and (self._reached or not unreachable(self.endpoint, error))

    def _retry(self, step: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        try:
            made: Any = self._retrying(lambda: self._runner.run(step(*arguments)))  # type: ignore[arg-type]
        except ValueError as error:  # a reply of another shape
            raise self._stopped(error) from None
        self._reached = True
        self.waits.over()
        return made

    @staticmethod
    def waiting(directory: Path) -> bool:
        return BatchFiles(directory).sent()

    def generate(self, requests: Iterable[Request], take: Take) -> None:
        """Finish the batches of earlier runs, then submit the remaining requests, each up to `ROUNDS` times."""
        with lock(self.directory), asyncio.Runner() as self._runner:
            try:
                self._finish(take)
                waiting = iter(requests)
                while self.plan.write(waiting):
                    self._finish(take)
            except (openai.OpenAIError, TimeoutError) as error:
                raise self._stopped(error) from None
            finally:
                self._runner.run(self.client.openai.close())

    def _stopped(self, error: Exception) -> UserError:
        words = self.endpoint.clean(in_words(error))
        if isinstance(error, openai.APIStatusError):
            return fatal(self.endpoint, error) or UserError(f"the Batch API refuses: {words}")
        if isinstance(error, openai.APIConnectionError) and not self._reached:
            if said := unreachable(self.endpoint, error):
                return said
            return UserError(f"{self.endpoint.host} cannot be reached ({words}); run the same command to resume")
        return UserError(f"{self.endpoint.host} gives no usable reply ({words}); run the same command to resume")

    # Steps of a batch

    def _finish(self, take: Take) -> None:
        """Run all batches on disk to completion, including new ones for rows without an answer."""
        while unfinished := self.files.unfinished():
            for path in unfinished:
                for request in self.files.requests(path, whole=True):
                    self.endpoint.promise(request, self.budget)
                self._submit(path)
            with progress("batches", total=len(unfinished), unit="batch") as bar:
                wait = min(FIRST_POLL_S, self.poll_s)
                while unfinished:
                    for path in list(unfinished):
                        if self._collected(path, take):
                            unfinished.remove(path)
                            bar.update()
                    if unfinished:
                        time.sleep(wait)
                        wait = min(wait * 1.5, self.poll_s)

    def _submit(self, path: Path) -> None:
        state = self.files.state(path)
        if "mark" not in state:
            state = self.files.note(path, {**state, "mark": uuid.uuid4().hex})
        if state["step"] == "planned":
            file = self._retry(self._upload, path, state["mark"])
            state = self.files.note(path, {**state, "step": "uploaded", "file": file})
        if state["step"] == "uploaded":
            batch = self._retry(self._create, state["file"], f"{state['mark']}-{state.get('try', 0)}")
            self.files.note(path, {**state, "step": "created", "batch": batch})

    async def _upload(self, path: Path, mark: str) -> str:
        """Return the file's id. Look for the file first: an earlier attempt may have succeeded with its reply lost."""
        name = f"ain-{mark}.jsonl"
        async for file in self._listed(Files, "files", purpose="batch"):
            if file.filename == name:
                return self._id(file)
        body = path.with_suffix(".upload")
        try:
            with open(body, "wb") as out:
                out.writelines(map(self.endpoint.batch_line, self.files.requests(path, whole=True)))
            data = body.read_bytes()
            made = await self.client.call(
                lambda server: server.files.with_raw_response.create(file=(name, data), purpose="batch"),
                sent_bytes=len(data),
            )
            return self._id(parsed(File, made))
        finally:
            body.unlink(missing_ok=True)

    async def _create(self, file: str, mark: str) -> str:
        """Return the batch's id. Look for the batch first, as in `_upload`."""
        async for batch in self._listed(ListedBatches, "batches", limit=100):
            if (batch.metadata or {}).get("ain") == mark:
                return self._id(batch)
        made = await self.client.call(
            lambda server: server.batches.with_raw_response.create(
                input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h", metadata={"ain": mark}
            )
        )
        return self._id(parsed(Batch, made))

    async def _listed(self, shape: Any, what: str, **asked: Any) -> AsyncIterator[Any]:
        """Yield what the server lists, page by page."""
        after: dict[str, Any] = {}
        for _ in range(PAGES):
            query = {**asked, **after}
            body = await self.client.call(
                lambda server, query=query: getattr(server, what).with_raw_response.list(**query),  # type: ignore[misc]
                LISTED,
            )
            page = parsed(shape, body)
            for one in page.data:
                yield one
            if not page.has_more or not page.data or after == {"after": page.data[-1].id}:
                return
            after = {"after": page.data[-1].id}

    def _id(self, named: File | Batch) -> str:
        """Return an id to store. Raises ValueError if the server puts a secret into it."""
        if self.endpoint.masked(named.id) != named.id:
            raise ValueError("an id that contains the key")
        return named.id

    async def _retrieve(self, name: str) -> Batch:
        return parsed(Batch, await self.client.call(lambda server: server.batches.with_raw_response.retrieve(name)))

    def _collected(self, path: Path, take: Take) -> bool:
        """Return True once the batch has ended and its answers are taken."""
        state = self.files.state(path)
        batch = self._retry(self._retrieve, state["batch"])
        if batch.status not in _OVER:
            return False
        if batch.status == "failed":
            return self._refused(path, state, batch)
        found = Rows(path, self.files, self.endpoint, self.budget)
        for name in (batch.output_file_id, batch.error_file_id):
            for row in self._rows(path, name) if name else ():
                found.take(row, take)
        nothing = found.nothing and not self.files.answered()  # a server that has answered others does work
        if not nothing:
            for request, reply in found.refused:
                take(request, reply)
            self._left(path, found, take)
        self.files.note(path, {**state, "step": "done", "answered": found.answered})
        if nothing:
            raise UserError(
                f"batch {state['batch']} ended as {batch.status} and answered nothing ({found.first}); when that is fixed, "
                "run the same command to submit it again"
            )
        return True

    def _rows(self, path: Path, name: str) -> Iterator[bytes]:
        """Download an output or error file to disk and yield its lines, but for those longer than any answer."""
        copy = path.with_suffix(".download")
        sizes = [ROW + BYTES_PER_TOKEN * request.max_tokens for request in self.files.requests(path)]
        longest = FLOOR + max(sizes)
        try:
            self._retry(self.client.download, name, copy, FLOOR + 2 * sum(sizes))  # a server may send rows twice
            with open(copy, "rb") as file:
                whole = True
                while line := file.readline(longest):
                    if whole and (line.endswith(b"\n") or len(line) < longest):
                        yield line
                    whole = line.endswith(b"\n")
        finally:
            copy.unlink(missing_ok=True)

    def _left(self, path: Path, found: "Rows", take: Take) -> None:
        """Put requests without an answer into a new batch, or report them as unanswered after `ROUNDS` batches."""
        if not found.waiting:
            return
        round_ = self.files.state(path).get("round", 1) + 1
        again = self.directory / f"{path.stem.split('-')[0]}-round-{round_}.jsonl"
        if round_ <= ROUNDS and not again.exists():
            left = (request for request in self.files.requests(path, whole=True) if request.key in found.waiting)
            self.files.write(again, left)
            self.files.note(again, {"step": "planned", "round": round_})
        for request in found.waiting.values() if round_ > ROUNDS else ():
            self.budget.settle(request.key)
            take(request, Reply(f"not answered in {ROUNDS} batches: {found.first}", "unanswered"))

    def _refused(self, path: Path, state: State, batch: Any) -> bool:
        """Handle a batch that never started: wait if the queue is full, otherwise raise UserError."""
        errors = batch.errors.data if batch.errors and batch.errors.data else []
        said = self.endpoint.clean(
            "; ".join(f"{error.code}: {error.message}" for error in errors[:3]) or "no reason given"
        )
        again = {**state, "step": "uploaded", "try": state.get("try", 0) + 1}
        if any(error.code == "token_limit_exceeded" for error in errors):
            if again["try"] >= QUEUE_ATTEMPTS:
                self.files.note(path, again)
                raise UserError(
                    f"the batch queue has no room for {self.plan.enqueued_tokens:,} tokens ({said}); lower "
                    f"{self.endpoint.where}.how.enqueued_tokens, or try again when other batches are through"
                )
            log.info("the batch queue is full; waiting for room")
            time.sleep(self.poll_s)
            self.files.note(path, again)
            self._submit(path)
            return False
        self.files.note(path, {"step": "planned"} | ({"round": state["round"]} if "round" in state else {}))
        raise UserError(
            f"batch {state['batch']} was refused: {said}; when that is fixed, run the same command to submit it again"
        )
