"""OpenAI's Batch API: half the price, within a day. All state is on disk, so that a crash never submits anything twice.

A batch goes through planned → uploaded → created → done; each step is recorded after it succeeds. A crash can come in
between, so a step first looks on the server for its result: a file by its name, a batch by its metadata. Both contain a
mark that was recorded before. Answers go to `take`; requests without an answer go into another batch.
"""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import openai
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ain import UserError
from ain.chat import Reply, Request, Take
from ain.chat.batch_files import BatchFiles, State
from ain.chat.batch_plan import Plan
from ain.chat.cost import Budget
from ain.chat.failures import fatal, transient, unreachable
from ain.chat.protocol import Endpoint, read, without_key
from ain.runtime.console import log
from ain.runtime.progress import progress
from ain.storage.locks import lock

QUEUE_ATTEMPTS = 60  # submissions of a batch to a full queue
FIRST_POLL_S = 5.0  # small batches are often done within a minute
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
    ) -> None:
        self.endpoint, self.directory, self.budget, self.poll_s = endpoint, directory, budget, poll_s
        self.files = BatchFiles(directory)
        self.plan = Plan(endpoint, self.files, budget, enqueued_tokens)
        self.client = openai.OpenAI(
            **endpoint.credentials(),
            base_url=endpoint.base_url,
            timeout=600,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(event_hooks={"request": [without_key]}),
        )
        self._reached = False  # whether the server has answered at all
        self._retrying = Retrying(
            retry=retry_if_exception(self._again),
            wait=wait_exponential_jitter(initial=0.5, max=60),
            stop=stop_after_attempt(max_attempts),
            reraise=True,
        )

    def _again(self, error: BaseException) -> bool:
        return transient(error) and (self._reached or not unreachable(self.endpoint, error))

    def _retry(self, step: Callable[..., Any], *arguments: Any) -> Any:
        made = self._retrying(step, *arguments)
        self._reached = True
        return made

    @staticmethod
    def waiting(directory: Path) -> bool:
        return BatchFiles(directory).sent()

    def generate(self, requests: Iterable[Request], take: Take) -> None:
        """Finish the batches of earlier runs, then submit the remaining requests, each up to `ROUNDS` times."""
        with lock(self.directory), self.client:
            try:
                self._finish(take)
                waiting = iter(requests)
                while self.plan.write(waiting):
                    self._finish(take)
            except openai.APIStatusError as error:
                said = fatal(self.endpoint, error)
                raise said or UserError(f"the Batch API refuses: {self.endpoint.clean(error.message)}") from None
            except openai.APIConnectionError as error:
                said = None if self._reached else unreachable(self.endpoint, error)
                raise said or UserError(
                    f"{self.endpoint.host} cannot be reached ({self.endpoint.clean(str(error.__cause__ or error))}); "
                    "run the same command to resume"
                ) from None

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

    def _upload(self, path: Path, mark: str) -> str:
        """Return the file's id. Look for the file first: an earlier attempt may have succeeded with its reply lost."""
        name = f"ain-{mark}.jsonl"
        found = next((file.id for file in self.client.files.list(purpose="batch") if file.filename == name), None)
        if found:
            return str(found)
        body = path.with_suffix(".upload")
        try:
            with open(body, "wb") as file:
                file.writelines(map(self.endpoint.batch_line, self.files.requests(path, whole=True)))
            return str(self.client.files.create(file=(name, body.read_bytes()), purpose="batch").id)
        finally:
            body.unlink(missing_ok=True)

    def _create(self, file: str, mark: str) -> str:
        """Return the batch's id. Look for the batch first, as in `_upload`."""
        listed = self.client.batches.list(limit=100)
        found = next((batch.id for batch in listed if (batch.metadata or {}).get("ain") == mark), None)
        made = (
            found
            or self.client.batches.create(
                input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h", metadata={"ain": mark}
            ).id
        )
        return str(made)

    def _collected(self, path: Path, take: Take) -> bool:
        """Return True once the batch has ended and its answers are taken."""
        state = self.files.state(path)
        batch = self._retry(self.client.batches.retrieve, state["batch"])
        if batch.status not in _OVER:
            return False
        if batch.status == "failed":
            return self._refused(path, state, batch)
        found = _Rows({request.key: request for request in self.files.requests(path)}, self.endpoint, self.budget)
        for name in (batch.output_file_id, batch.error_file_id):
            for row in self._rows(path, name) if name else ():
                found.take(row, take)
        if not found.nothing:
            for request, reply in found.refused:
                take(request, reply)
            self._left(path, found, take)
        self.files.note(path, {**state, "step": "done"})
        if found.nothing:
            raise UserError(
                f"batch {state['batch']} ended as {batch.status} and answered nothing ({found.first}); when that is fixed, "
                "run the same command to submit it again"
            )
        return True

    def _rows(self, path: Path, name: str) -> Iterator[dict[str, Any]]:
        """Download an output or error file to disk and yield its rows."""
        copy = path.with_suffix(".download")

        def download() -> None:
            with self.client.files.with_streaming_response.content(name) as response:
                response.stream_to_file(copy)

        try:
            self._retry(download)
            with open(copy, encoding="utf-8") as file:
                yield from (json.loads(line) for line in file if _whole(line))
        finally:
            copy.unlink(missing_ok=True)

    def _left(self, path: Path, found: "_Rows", take: Take) -> None:
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


class _Rows:
    """The results of a finished batch.

    `waiting` holds requests without an answer so far, `refused` those that never get one; `why` counts the errors.
    """

    def __init__(self, waiting: dict[str, Request], endpoint: Endpoint, budget: Budget) -> None:
        self.waiting, self.endpoint, self.budget = waiting, endpoint, budget
        self.asked = len(waiting)
        self.refused: list[tuple[Request, Reply]] = []
        self.why: Counter[str] = Counter()

    @property
    def nothing(self) -> bool:
        return len(self.waiting) + len(self.refused) == self.asked

    @property
    def first(self) -> str:
        return self.why.most_common(1)[0][0] if self.why else "no row in its files"

    def take(self, row: dict[str, Any], take: Take) -> None:
        """Process one row; duplicates are ignored."""
        request = self.waiting.get(row.get("custom_id", ""))
        if request is None:
            return
        response = row.get("response") or {}
        status, body = response.get("status_code"), response.get("body") or {}
        if status == 200:
            try:
                reply = read(body)
            except ValueError as error:
                self.why[str(error)] += 1
                return
            del self.waiting[request.key]
            self.budget.settle(request.key, reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens)
            return take(request, reply)
        said = row.get("error") or body.get("error") or {}
        text = self.endpoint.clean(f"{status or ''} {said.get('code') or ''}: {said.get('message') or said}".strip())
        self.why[text] += 1
        if status in (400, 413, 422):
            del self.waiting[request.key]
            self.budget.settle(request.key)
            self.refused.append((request, Reply(text, "failed")))


def _whole(line: str) -> bool:
    """Return whether a line is a JSON object; other lines count as missing."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
