"""Screeners: is an image safe to train on? Each is a class with `judges` (false: it gives no verdicts), `codes`
(of its policy's categories → names), `near` (bits by which perceptual hashes of images judged as one may differ) and

    over(images, out, engine) -> (look_up, account)

which makes whatever verdicts are missing, keeps them in the ledger, and returns a function from an image's sha256 to its
verdict (`rating`, `category`, `rationale`, or the `fault` that left it without one; `answer`: what was said), and one that
sums up what it took.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

LookUp = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class ImageSet:
    """The distinct images of a collect directory. names: their sha256 in order, read several times."""

    names: Callable[[], Iterator[str]]
    open: Callable[[str], Image.Image]
    size: Callable[[str], tuple[int, int]]
    count: int
