"""Bin packing: samples of different lengths into rows of a fixed number of tokens."""

import numpy as np


def best_fit(lengths: np.ndarray, capacity: int) -> list[list[int]]:
    """Return rows of indices whose lengths sum to at most `capacity` each; every index is in exactly one row.

    Best fit, in the given order. Longest first would fill rows a little better, but each row would hold samples of one
    length. Samples of the same length ask similar questions, so each step would see only one kind. A sample longer than
    the capacity gets its own row.
    """
    rows: list[list[int]] = []
    free = _Free(capacity)
    for index, need in enumerate(lengths.tolist()):
        row = free.take(need)
        if row is None:
            row = len(rows)
            rows.append([])
            left = capacity - need
        else:
            left = free.left - need
        rows[row].append(index)
        free.put(row, left)
    return rows


class _Free:
    """Open rows, indexed by their free tokens. A bit mask of the free sizes finds the tightest fit directly."""

    def __init__(self, capacity: int) -> None:
        self.open: list[list[int]] = [[] for _ in range(capacity + 1)]
        self.sizes = 0
        self.left = 0  # free tokens of the last row taken

    def take(self, need: int) -> int | None:
        """Take the open row with the least space left for `need` tokens; None if no row fits."""
        fitting = self.sizes >> need << need
        if not fitting:
            return None
        self.left = (fitting & -fitting).bit_length() - 1
        row = self.open[self.left].pop()
        if not self.open[self.left]:
            self.sizes &= ~(1 << self.left)
        return row

    def put(self, row: int, left: int) -> None:
        if left > 0:
            self.open[left].append(row)
            self.sizes |= 1 << left
