"""OpenAI's Batch API: half the price, within a day. All state lies on disk, so that no crash submits anything twice.

A batch goes through planned → uploaded → created → done; each step is noted in `<name>.json` after it was taken. A step that
may have been taken without being noted is looked for at the server first: a file by its name, a batch by its metadata; both
hold a mark that was noted before. What is answered goes to `take`; what is missing is simply not answered, and is asked again.
"""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ain import UserError
from ain.chat import Reply, Request, Take
from ain.runtime.console import log
from ain.runtime.progress import progress
from ain.storage.files import replace_text
from ain.storage.locks import lock

if TYPE_CHECKING:
    from ain.chat.openai_api import OpenAIChat

MAX_REQUESTS, MAX_BYTES = 50_000, 200_000_000  # of one batch, as OpenAI allows
PATIENCE = 60  # how often a full queue is tried
ROUNDS = 3  # how often a request is submitted before it counts as failed
_OVER = ("completed", "expired", "cancelled", "failed")


class Batches:
    def __init__(self, chat: "OpenAIChat", directory: Path) -> None:
        from ain.chat.openai_api import transient

        self.chat, self.directory = chat, directory
        self.client = openai.OpenAI(api_key=chat.key(), base_url=chat.base_url, timeout=600, max_retries=0)
        self._retry = Retrying(
            retry=retry_if_exception(transient),
            wait=wait_exponential_jitter(initial=0.5, max=60),
            stop=stop_after_attempt(chat.tries),
            reraise=True,
        )

    @staticmethod
    def waiting(directory: Path) -> bool:
        """Are there batches that were sent, and whose answers were not fetched?"""
        notes = (json.loads(path.read_text(encoding="utf-8")) for path in directory.glob("*.json"))
        return any(note["step"] in ("uploaded", "created") for note in notes)

    def ask(self, requests: Iterable[Request], take: Take) -> None:
        """First whatever an earlier run left unfinished, then what is still not answered, for a few rounds."""
        with lock(self.directory), self.client:
            try:
                self._finish(take)
                waiting = iter(requests)
                while self._plan(waiting):
                    self._finish(take)
            except openai.APIStatusError as error:
                said = self.chat.sentence(error)
                raise said or UserError(f"the Batch API refuses: {self.chat.clean(error.message)}") from None
            except openai.APIConnectionError as error:
                raise UserError(
                    f"{self.chat.base_url} cannot be reached ({self.chat.clean(str(error.__cause__ or error))}); "
                    "the same command goes on from here"
                ) from None

    # Planning

    _held: Request | None = None  # did not fit into the budget while other answers were still open

    def _plan(self, requests: Iterator[Request]) -> bool:
        """Writes batches of as many requests as the queue takes; False where there is nothing left to plan."""
        queued = planned = 0
        for number, batch in enumerate(self._split(requests), len(list(self.directory.glob("*.jsonl")))):
            path = self.directory / f"{number:05d}.jsonl"
            self._write(path, batch)
            self._note(path, {"step": "planned"})
            planned += len(batch)
            size = sum(self.chat.tokens(request) for request in batch)
            queued += size
            if queued + size > self.chat.enqueued_tokens or self._held:  # another like it would not fit
                break
        return planned > 0

    def _split(self, requests: Iterator[Request]) -> Iterator[list[Request]]:
        batch: list[Request] = []
        size = tokens = 0
        held, self._held = self._held, None
        for request in chain([held] if held else [], requests):
            if not self.chat.promise(request):
                if not self.chat.budget.open:
                    raise self.chat.budget.over()
                self._held = request
                break
            batch.append(request)
            size += len(self._line(request))
            tokens += self.chat.tokens(request)
            room = size < MAX_BYTES * 0.95 and tokens < self.chat.enqueued_tokens * 0.9
            if len(batch) == MAX_REQUESTS or not room:
                yield batch
                batch, size, tokens = [], 0, 0
        if batch:
            yield batch

    def _line(self, request: Request) -> bytes:
        line = {
            "custom_id": request.key,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": self.chat.body(request),
        }
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"

    # Steps of a batch

    def _finish(self, take: Take) -> None:
        """All batches on disk to their end, those too that are made on the way of rows without an answer."""
        while open_ := [path for path in sorted(self.directory.glob("*.jsonl")) if self._state(path)["step"] != "done"]:
            for path in open_:
                for request in _requests(path, whole=True):
                    self.chat.promise(request)
                self._submit(path)
            with progress("batches", total=len(open_), unit="batch") as bar:
                while open_:
                    for path in list(open_):
                        if self._collected(path, take):
                            open_.remove(path)
                            bar.update()
                    if open_:
                        time.sleep(self.chat.poll_s)

    def _submit(self, path: Path) -> None:
        state = self._state(path)
        if "mark" not in state:
            state = self._note(path, {**state, "mark": uuid.uuid4().hex})
        if state["step"] == "planned":
            state = self._note(
                path, {**state, "step": "uploaded", "file": self._retry(self._upload, path, state["mark"])}
            )
        if state["step"] == "uploaded":
            mark = f"{state['mark']}-{state.get('try', 0)}"
            self._note(path, {**state, "step": "created", "batch": self._retry(self._create, state["file"], mark)})

    def _upload(self, path: Path, mark: str) -> str:
        """The file's id. Each try first looks whether one before it was taken, though its reply was lost."""
        name = f"ain-{mark}.jsonl"
        found = next((file.id for file in self.client.files.list(purpose="batch") if file.filename == name), None)
        if found:
            return str(found)
        body = path.with_suffix(".upload")
        try:
            with open(body, "wb") as file:
                file.writelines(self._line(request) for request in _requests(path, whole=True))
            return str(self.client.files.create(file=(name, body.read_bytes()), purpose="batch").id)
        finally:
            body.unlink(missing_ok=True)

    def _create(self, file: str, mark: str) -> str:
        """The batch's id; looked for first, as the file is."""
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
        """True once the batch is over and its answers are taken."""
        state = self._state(path)
        batch = self._retry(self.client.batches.retrieve, state["batch"])
        if batch.status not in _OVER:
            return False
        if batch.status == "failed":
            return self._refused(path, state, batch)
        waiting = {request.key: request for request in _requests(path)}
        asked = len(waiting)
        why: Counter[str] = Counter()
        refused: list[tuple[Request, Reply]] = []
        for name in (batch.output_file_id, batch.error_file_id):
            for row in self._rows(path, name) if name else ():
                self._take(row, waiting, take, refused, why)
        first = why.most_common(1)[0][0] if why else "no row in its files"
        nothing = len(waiting) + len(refused) == asked
        if not nothing:
            for request, reply in refused:
                take(request, reply)
            self._left(path, waiting, first, take)
        self._note(path, {**state, "step": "done"})
        if nothing:
            raise UserError(
                f"batch {state['batch']} ended as {batch.status} and answered nothing ({first}); when that is mended, the "
                "same command submits it again"
            )
        return True

    def _rows(self, path: Path, name: str) -> Iterator[dict[str, Any]]:
        """The rows of an output or error file, by way of the disk."""
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

    def _take(
        self,
        row: dict[str, Any],
        waiting: dict[str, Request],
        take: Take,
        refused: list[tuple[Request, Reply]],
        why: "Counter[str]",
    ) -> None:
        """One row; what comes twice is taken once."""
        from ain.chat.openai_api import read

        request = waiting.get(row.get("custom_id", ""))
        if request is None:
            return
        response = row.get("response") or {}
        status, body = response.get("status_code"), response.get("body") or {}
        if status == 200:
            try:
                reply = read(body)
            except ValueError as error:
                why[str(error)] += 1
                return
            del waiting[request.key]
            self.chat.budget.settle(request.key, reply.prompt_tokens, reply.completion_tokens)
            return take(request, reply)
        said = row.get("error") or body.get("error") or {}
        text = self.chat.clean(f"{status or ''} {said.get('code') or ''}: {said.get('message') or said}".strip())
        why[text] += 1
        if status in (400, 413, 422):
            del waiting[request.key]
            self.chat.budget.settle(request.key, 0, 0)
            refused.append((request, Reply(text, "failed")))

    def _left(self, path: Path, waiting: dict[str, Request], why: str, take: Take) -> None:
        """Rows without an answer go into a new batch, or count as failed after some rounds."""
        if not waiting:
            return
        round_ = self._state(path).get("round", 1) + 1
        again = self.directory / f"{path.stem.split('-')[0]}-round-{round_}.jsonl"
        if round_ <= ROUNDS and not again.exists():
            self._write(again, (request for request in _requests(path, whole=True) if request.key in waiting))
            self._note(again, {"step": "planned", "round": round_})
        for request in waiting.values() if round_ > ROUNDS else ():
            self.chat.budget.settle(request.key, 0, 0)
            take(request, Reply(f"not answered in {ROUNDS} batches: {why}", "unanswered"))

    def _refused(self, path: Path, state: dict[str, Any], batch: Any) -> bool:
        """A batch that was not even begun. A full queue is waited for; anything else is a person's to mend."""
        errors = batch.errors.data if batch.errors and batch.errors.data else []
        said = "; ".join(f"{error.code}: {error.message}" for error in errors[:3]) or "no reason given"
        again = {**state, "step": "uploaded", "try": state.get("try", 0) + 1}
        if any(error.code == "token_limit_exceeded" for error in errors):
            if again["try"] >= PATIENCE:
                self._note(path, again)
                raise UserError(
                    f"the batch queue has no room for {self.chat.enqueued_tokens:,} tokens ({self.chat.clean(said)}); lower "
                    f"{self.chat.where}.enqueued_tokens, or try again when other batches are through"
                )
            log.info("the batch queue is full; waiting for room")
            time.sleep(self.chat.poll_s)
            self._note(path, again)
            self._submit(path)
            return False
        self._note(path, {"step": "planned"} | ({"round": state["round"]} if "round" in state else {}))
        raise UserError(
            f"batch {state['batch']} was refused: {self.chat.clean(said)}; when that is mended, the same command submits it again"
        )

    # What lies on disk

    def _write(self, path: Path, requests: Iterable[Request]) -> None:
        replace_text(path, "".join(json.dumps(asdict(request), ensure_ascii=False) + "\n" for request in requests))

    def _state(self, path: Path) -> dict[str, Any]:
        state = path.with_suffix(".json")
        return json.loads(state.read_text(encoding="utf-8")) if state.exists() else {"step": "planned"}

    def _note(self, path: Path, state: dict[str, Any]) -> dict[str, Any]:
        replace_text(path.with_suffix(".json"), json.dumps(state, indent=2))
        return state


def _whole(line: str) -> bool:
    """A row that can be read; one that cannot is as good as missing."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _requests(path: Path, whole: bool = False) -> Iterator[Request]:
    """Those of a planned batch; without their messages unless the whole is wanted."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            request = json.loads(line)
            yield Request(**request if whole else {**request, "messages": []})
