"""Bin packing: samples of different lengths into rows of a fixed number of tokens."""

import numpy as np

WINDOW = 8_192  # samples that are looked at together: enough to fill rows, few enough to keep the order random


def pack(lengths: np.ndarray, capacity: int) -> list[list[int]]:
    """Rows of indices whose lengths add up to at most `capacity` each; every index is in one row.

    Best fit, longest first, over windows of consecutive samples; a row that a window leaves open is filled by the next.
    A sample that alone is longer than a row has one to itself.
    """
    rows: list[list[int]] = []
    free = _Free(capacity)
    for start in range(0, len(lengths), WINDOW):
        window = np.arange(start, min(start + WINDOW, len(lengths)))
        for index in window[np.argsort(-lengths[window], kind="stable")].tolist():
            need = int(lengths[index])
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
