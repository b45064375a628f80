"""Near-duplicate images: those whose perceptual hashes differ in a few bits."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from PIL import Image

BITS = 64
CELLS = 16  # a side
CELLS_APART = 32  # of 255: what scaling and compression change in a cell of a photograph is below 12


def perceptual_hash(image: Image.Image) -> int:
    """Return a 64-bit hash (pHash) that scaling, compression and small edits hardly change."""
    import imagehash

    return int(str(imagehash.phash(image)), 16)


def cells(image: Image.Image) -> np.ndarray:
    """Return the mean colours [CELLS, CELLS, 3] of an image in a grid, from 0 to 255."""
    return np.asarray(image.convert("RGB").resize((CELLS, CELLS), Image.Resampling.BOX))


def same_cells(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two images are the same up to scaling and compression. The hash alone takes images for the same that
    differ in colours or in a small part."""
    return int(np.abs(one.astype(np.int16) - other).max()) <= CELLS_APART


class NearDuplicates:
    """Hashes, to find those that differ from another in at most `bits` bits.

    Such hashes agree in at least one of bits + 1 bands, so only hashes with a common band are compared.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        edges = [BITS * i // (bits + 1) for i in range(bits + 2)]
        self._bands = list(pairwise(edges))
        self._met: dict[tuple[int, int], list[int]] = {}

    def first(self, of: int) -> int:
        """Return the first earlier hash near this one, or add it and return it."""
        found = next(self.near(of), None)
        if found is None:
            self.add(of)
        return of if found is None else found

    def near(self, of: int) -> Iterator[int]:
        """Yield the hashes near this one, some of them several times."""
        for place in self._places(of):
            for other in self._met.get(place, ()):
                if (of ^ other).bit_count() <= self.bits:
                    yield other

    def add(self, of: int) -> None:
        for place in self._places(of):
            self._met.setdefault(place, []).append(of)

    def _places(self, of: int) -> list[tuple[int, int]]:
        return [(i, of >> low & (1 << high - low) - 1) for i, (low, high) in enumerate(self._bands)]
