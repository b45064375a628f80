"""Benchmarks: questions with labels. Each is a class with `items(mix)` and `images`, the conditions to ask them under."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ain.storage.record import Turns

Condition = Literal["shown", "shuffled", "blank"]  # which images go with a question
Loader = Callable[[], bytes]  # an encoded image, read when it is needed


class Scorer(Protocol):
    """What a benchmark names to score an answer: a function of `ain.scorer`, with its settings bound."""

    def __call__(
        self, answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "en"
    ) -> Any: ...


@dataclass(frozen=True)
class Item:
    id: str
    domain: str
    language: str
    kind: str  # the sub-domain, the skill tested, or the part of the mixture
    question: str  # the whole prompt, with <image> where an image belongs
    labels: tuple[str, ...]  # all right answers; empty: not labelled
    images: tuple[Loader, ...] = ()  # of `before` and of the question, in order; items may share loaders
    before: Turns | tuple[()] = ()  # the turns before the question, with their right answers
    options: tuple[str, ...] = ()  # of multiple choice: the texts of the options, in order
    broken: str | None = None  # why the question cannot be asked: it scores 0 and is named

    @property
    def label(self) -> str:
        """Return the first right answer, for the stage `evaluate`, which compares with one."""
        return self.labels[0] if self.labels else ""
