"""Bin packing: samples of different lengths into rows of a fixed number of tokens."""

import numpy as np


def best_fit(lengths: np.ndarray, capacity: int) -> list[list[int]]:
    """Rows of indices whose lengths add up to at most `capacity` each; every index is in one row.

    Best fit, in the order given. Longest first would fill rows a little better, with samples of one length each: as alike
    as their length is what they ask, and a step would see one kind of question. A sample longer than a row has its own.
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
    """Open rows by the tokens that are still free in them. One bit a size finds the tightest fit at once."""

    def __init__(self, capacity: int) -> None:
        self.open: list[list[int]] = [[] for _ in range(capacity + 1)]
        self.sizes = 0
        self.left = 0  # of the row that was taken last

    def take(self, need: int) -> int | None:
        """The open row that `need` fills best."""
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
