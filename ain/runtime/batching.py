"""Batch items of similar length, to keep padding low, and prepare a batch while the one before it is computed."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def batches(keys: Sequence[Any], size: int) -> Iterator[list[int]]:
    """Yield the indices of the items sorted by key, `size` at a time. Items with equal keys keep their order.

    A key is usually a length, or a negative one for the longest first. The same keys give the same batches, so a
    resumed run computes exactly what an uninterrupted one would.
    """
    order = sorted(range(len(keys)), key=keys.__getitem__)
    for start in range(0, len(order), size):
        yield order[start : start + size]


def ahead(items: Sequence[Item], make: Callable[[Item], Made]) -> Iterator[Made]:
    """Yield `make` of each item, in order. A thread makes the next one while the caller works with this one."""
    with ThreadPoolExecutor(1, "ahead") as beside:
        waiting = deque(beside.submit(make, item) for item in items[:1])
        for item in items[1:]:
            waiting.append(beside.submit(make, item))
            yield waiting.popleft().result()
        if waiting:
            yield waiting.popleft().result()
