"""Screeners: is an image safe to train on? Each is a class with `judges` (false: it gives no verdicts), `codes`
(of its policy's categories → names), `near_duplicate_bits` (by how many bits perceptual hashes of images judged as one
may differ) and

    run(images, out, engine) -> Verdicts

which makes whatever verdicts are missing and keeps them in the ledger.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image


class Verdicts(Protocol):
    """A screener's verdicts on all images."""

    def of(self, sha256: str) -> dict[str, Any]:
        """`rating`, `category`, `rationale`, or the `fault` that left it without one; `answer`: what was said."""
        ...

    def usage(self) -> dict[str, Any]:
        """What it took."""
        ...


@dataclass(frozen=True)
class ImageSet:
    """The distinct images of a collect directory. names: their sha256 in order, read several times."""

    names: Callable[[], Iterator[str]]
    open: Callable[[str], Image.Image]
    size: Callable[[str], tuple[int, int]]
    count: int
