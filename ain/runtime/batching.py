"""Batch items of similar length, to keep padding low."""

from collections.abc import Iterator, Sequence
from typing import Any


def batches(keys: Sequence[Any], size: int) -> Iterator[list[int]]:
    """Yield the indices of the items sorted by key, `size` at a time. Items with equal keys keep their order.

    A key is usually a length, or a negative one for the longest first. The same keys give the same batches, so a
    resumed run computes exactly what an uninterrupted one would.
    """
    order = sorted(range(len(keys)), key=keys.__getitem__)
    for start in range(0, len(order), size):
        yield order[start : start + size]
