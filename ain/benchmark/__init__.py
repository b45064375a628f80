"""Benchmarks: questions with labels. Each is a class with `items()` and `images`, the conditions to ask them under."""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

Condition = Literal["shown", "shuffled", "blank"]  # which image goes with a question


@dataclass(frozen=True)
class Item:
    id: str
    domain: str
    language: str
    kind: str  # the skill tested
    question: str  # has <image> where the image belongs
    label: str
    image: Image.Image
