"""Screeners decide whether an image is safe to train on. Each is a class with `judges` (false: it gives no verdicts),
`codes` (code → name of its policy's categories), `near_duplicate_bits` (images whose perceptual hashes differ in at
most this many bits share a verdict) and

    run(images, out, engine) -> Verdicts

which makes missing verdicts and keeps them in the ledger.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image


class Verdicts(Protocol):
    """A screener's verdicts on all images."""

    def of(self, sha256: str) -> dict[str, Any]:
        """Return `rating`, `category`, `rationale` or the `fault` that prevented a verdict; `answer` is the raw text."""
        ...

    def usage(self) -> dict[str, Any]:
        """Return the requests, time and cost of screening, for the manifest."""
        ...


@dataclass(frozen=True)
class ImageSet:
    """The distinct images of a collect directory. names: yields their sha256 in order; called several times."""

    names: Callable[[], Iterator[str]]
    open: Callable[[str], Image.Image]
    size: Callable[[str], tuple[int, int]]
    count: int
