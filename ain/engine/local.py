"""Compute one block after the other, in this process."""

from collections.abc import Iterable, Iterator
from typing import Any


class Local:
    def map(self, part: Any, method: str, blocks: Iterable[Any]) -> Iterator[Any]:
        return (getattr(part, method)(block) for block in blocks)
