"""Benchmarks: questions with labels. Each is a class with `items(mix)`, and settings that all benchmarks have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ain.metrics.together import Metric
from ain.scorer import Scorer
from ain.storage.digests import digest
from ain.storage.files import given_text
from ain.storage.record import Turns

Condition = Literal["shown", "shuffled", "blank"]  # which images go with a question
MOST_LABELS_MB = 1_000
Loader = Callable[[], bytes]  # an encoded image, read when it is needed


@dataclass(frozen=True)
class Item:
    """One question."""

    id: str
    domain: str
    language: str
    kind: str  # the sub-domain, the skill tested, or the part of the mixture
    question: str  # the whole prompt, with <image> where an image belongs
    labels: tuple[str, ...]  # all right answers; none: not labelled
    images: tuple[Loader, ...] = ()  # of `before` and of the question, in order; items may share loaders
    before: Turns | tuple[()] = ()  # the turns before the question, with their right answers
    options: tuple[str, ...] = ()  # texts of the options of multiple choice, in order
    broken: str | None = None  # why it cannot be asked: it scores 0 and is named
    choices: tuple[str, ...] = ()  # letters of the options as the prompt has them, for `by=loglikelihood`
    group: str = ""  # of questions that a metric takes together, as the two about an image of MME; "": alone


class Benchmark:
    """Settings of every benchmark, with the values of those that do not set them.

    images: conditions to ask under: `shown`; `shuffled`, with the image of another question of the domain; `blank`, with a
    grey image. The accuracy with the wrong image or none shows what guessing reaches. scorer: grades an answer; official:
    also grades it, as the benchmark's own scripts do; also: name → a further scorer, for a column of its own. metrics: the
    benchmark's own numbers over all answers. judged: answers are open, so that a judge decides about those that the scorer
    does not find right. labels: a file with labels, for benchmarks that are published without. max_new_tokens, max_pixels:
    limits of answers and of images inside the model, in place of the model's own. max_side: larger images are shrunk first.
    by: whether the model writes its answer, or the most probable of the options' letters is taken.
    """

    name = "benchmark"
    images: tuple[Condition, ...] = ("shown",)
    scorer: Scorer | None = None
    official: Scorer | None = None
    also: dict[str, Scorer] = {}  # noqa: RUF012
    metrics: Metric | None = None
    judged: bool = False
    labels: str | None = None
    max_new_tokens: int | None = None
    max_pixels: int | None = None
    max_side: int | None = None
    by: Literal["generation", "loglikelihood"] = "generation"
    to_download: str | None = None  # the data set on the hub, if it is not on this machine

    def items(self, mix: Path | None = None) -> Iterator[Item]:
        """Yield the questions. mix: the stage's directory, for questions about one's own data."""
        raise NotImplementedError

    def first(self, count: int, mix: Path | None = None) -> tuple[list[Item], int]:
        """Return some questions, and how many there are."""
        items = list(self.items(mix))
        return items[:count], len(items)

    def digest(self) -> str | None:
        """Return the digest of the file of labels, if there is one."""
        return digest(given_text(Path(self.labels), MOST_LABELS_MB)) if self.labels else None
