"""Benchmarks: questions with labels. Each is a class with `items()`, and says under which `images` they are asked."""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

Condition = Literal["shown", "shuffled", "blank"]  # with which image a question is asked


@dataclass(frozen=True)
class Item:
    id: str
    domain: str
    language: str
    kind: str  # the skill asked for
    question: str  # with <image> where the image belongs
    label: str
    image: Image.Image
