"""Ask a model a benchmark's questions, and keep what it answered. The ledger has every answer that arrived."""

import io
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from ain.benchmark import Benchmark
from ain.benchmark.conditions import Asked, within
from ain.chat import LanguageModel, Message, Reply, Request, compact, image_part, user_message
from ain.chat.asking import Asking
from ain.chat.estimate import Estimate
from ain.chat.tokens import request_tokens
from ain.runtime.progress import progress
from ain.storage.images import BadImage, ShardWriter, decode, mime
from ain.storage.ledger import key
from ain.storage.record import Row
from ain.text.placeholders import IMAGE

CHUNK = 256
LONGEST = 384  # pixels: the longer side of an image that is kept for pages
_UNREADABLE = (BadImage, OSError, ValueError)


class Answers:
    """The model's answers to all questions; only those that the ledger lacks are requested."""

    def __init__(self, model: LanguageModel, questions: list[Asked], benchmark: Benchmark, out: Path) -> None:
        self.model, self.questions, self.max_side = model, questions, benchmark.max_side
        self.max_tokens = benchmark.max_new_tokens or model.max_new_tokens
        self.by = benchmark.by
        self._shape = key(model.identity, self.max_tokens if self.by == "generation" else self.by)[:32]
        self._asking = Asking(model, out, self._shape, _read)
        self._names: dict[int, str] = {}  # question → name of its answer in the ledger
        self._broken: dict[int, str] = {}  # question → why it cannot be asked

    def ask(self) -> None:
        if self.by == "loglikelihood":
            self._score()
            return
        if self.model.price is not None:
            self._asking.allow(self._estimate())
        self._asking.persist(self._round, "questions")

    def rows(self, numbers: range, images: ShardWriter) -> Iterator[Row]:
        """Yield the rows of some questions, and keep their images, small, for pages."""
        kept = set[str]()
        for number in numbers:
            item, opened = self.questions[number].item, self._opened(number)
            shown = [sha256(data).hexdigest() for data in opened]
            for sha, data in zip(shown, opened, strict=True):
                if sha not in kept:
                    images.add(sha, *_small(data))
                    kept.add(sha)
            yield {
                **{name: getattr(item, name) for name in ("id", "domain", "language", "kind", "question")},
                "group": item.group or item.id,
                "options": list(item.options),
                "labels": list(item.labels),
                "images": self.questions[number].condition,
                "media": shown if self.questions[number].condition == "shown" else self._own(number),
                "shown": shown,
                "pixels": sum(map(_pixels, opened)),
                **self._answer(number),
            }

    def usage(self) -> dict[str, Any]:
        spent = self._asking.ledger.spent(self._asking.run)
        self._asking.ledger.close()
        return {"requests": spent.requests, **self._asking.usage} | (
            {"usd": round(spent.usd, 6)} if self.model.price else {}
        )

    def _answer(self, number: int) -> Row:
        name = self._name(number)
        found = self._asking.known(name) if name else None
        if found:
            counted = {column: found.get(column) for column in ("prompt_tokens", "answer_tokens", "seconds")}
            return {"prediction": found["text"], "finish": found["finish"], **counted}
        return {"prediction": "", "finish": self._asking.silence(name) if name else f"broken: {self._broken[number]}"}

    def _score(self) -> None:
        """Take the most probable letter of each question's options for its answer."""
        numbers = iter(range(len(self.questions)))
        with progress("predict", total=len(self.questions), unit="question") as bar:
            while chunk := list(islice(numbers, CHUNK)):
                wanted = {i: name for i in chunk if (name := self._name(i)) and self._asking.wanted(name)}
                choices = [(i, choice) for i in wanted for choice in self.questions[i].item.choices]
                started = time.perf_counter()
                scores = (
                    self.model.loglikelihood((self._messages(i), choice) for i, choice in choices) if choices else []
                )
                found: dict[int, dict[str, float]] = {i: {} for i in wanted}
                for (i, choice), score in zip(choices, scores, strict=True):
                    found[i][choice] = score.logprob
                seconds = time.perf_counter() - started
                self._asking.store(
                    {wanted[i]: _most_probable(of, seconds / len(wanted)) for i, of in found.items()}, seconds
                )
                bar.update(len(chunk))

    def _round(self) -> None:
        with progress("predict", total=len(self.questions), unit="question") as bar:
            self._asking.round((self._wanted(i) for i in range(len(self.questions))), bar)

    def _wanted(self, number: int) -> list[Request]:
        """Return the request of a question that has no answer, or nothing."""
        name = self._name(number)
        return [self._request(number)] if name and self._asking.wanted(name) else []

    def _name(self, number: int) -> str | None:
        """Return the name of a question's answer in the ledger, or None if the question cannot be asked."""
        if number not in self._names and number not in self._broken:
            messages = self._messages(number)
            if self.by == "loglikelihood" and not self.questions[number].item.choices:
                self._broken.setdefault(number, "no options whose letters could be scored")
            if number not in self._broken:
                choices = self.questions[number].item.choices if self.by == "loglikelihood" else ()
                self._names[number] = key(self._shape, compact(messages), *choices)
        return self._names.get(number)

    def _opened(self, number: int) -> list[bytes]:
        """Return the images of a question; none if it cannot be asked."""
        question = self.questions[number]
        try:
            if question.item.broken:
                raise ValueError(question.item.broken)
            return question.opened(self.max_side)
        except _UNREADABLE as error:
            self._broken[number] = str(error)
            return []

    def _own(self, number: int) -> list[str]:
        """Return the names of the question's own images, where other ones are shown; none if one cannot be read."""
        item = self.questions[number].item
        try:
            return [sha256(data).hexdigest() for data in Asked(item, "shown", item.images).opened(self.max_side)]
        except _UNREADABLE:
            return []

    def _request(self, number: int) -> Request:
        name, question = self._names[number], self.questions[number]
        tag = [[name, question.item.id]]
        readable = f"{question.item.id}/{question.condition}"
        return Request(name, self._messages(number), self.max_tokens, None, tag, readable)

    def _messages(self, number: int) -> list[Message]:
        item, opened = self.questions[number].item, self._opened(number)
        if number in self._broken:
            return []
        parts = iter([image_part(data, mime(data)) for data in opened])
        messages: list[Message] = []
        for turn in item.before:
            messages += [_user(turn["question"], parts), {"role": "assistant", "content": turn["answer"]}]
        return [*messages, _user(item.question, parts)]

    def _estimate(self) -> Estimate:
        made = Estimate(self.model, what="questions")
        for number in range(len(self.questions)):
            if name := self._name(number):
                size = request_tokens(self._messages(number), self.model.vocabulary), self.max_tokens
                made.add(size, [] if self._asking.known(name) else [size])
        return made


def _most_probable(scores: dict[str, float], seconds: float) -> dict[str, Any]:
    return {
        "text": max(scores, key=lambda choice: scores[choice]),
        "finish": "stop",
        "logprobs": scores,
        "seconds": seconds,
    }


def _user(text: str, parts: Iterator[dict[str, Any]]) -> Message:
    return user_message(text, list(islice(parts, text.count(IMAGE))))


def _read(reply: Reply, things: list[Any]) -> list[dict[str, Any]]:
    tokens = {"prompt_tokens": reply.prompt_tokens, "answer_tokens": reply.completion_tokens}
    return [{"text": reply.text, "finish": reply.finish, **tokens}]


def _pixels(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as image:
        return image.width * image.height


def _small(data: bytes) -> tuple[bytes, int, int]:
    """Return an image for pages: (bytes, width, height)."""
    image = decode(data)
    if max(image.size) <= LONGEST and len(data) < 100_000:
        return data, image.width, image.height
    small, buffer = within(image, LONGEST), io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue(), small.width, small.height
