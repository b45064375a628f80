"""Benchmarks: questions with labels. Each is a class with `items(mix)` and `images`, the conditions to ask them under."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ain.storage.record import Turns

Condition = Literal["shown", "shuffled", "blank"]  # which images go with a question
Loader = Callable[[], bytes]  # an encoded image, read when it is needed


@dataclass(frozen=True)
class Item:
    id: str
    domain: str
    language: str
    kind: str  # the skill tested, or the part of the mixture
    question: str  # has <image> where an image belongs
    label: str
    images: tuple[Loader, ...] = ()  # of `before` and of the question, in order; items may share loaders
    before: Turns | tuple[()] = ()  # the turns before the question, with their right answers
