"""Near-duplicate images: those whose perceptual hashes differ in a few bits."""

from itertools import pairwise

from PIL import Image

BITS = 64


def perceptual_hash(image: Image.Image) -> int:
    """Return a 64-bit hash (pHash) that scaling, compression and small edits hardly change."""
    import imagehash

    return int(str(imagehash.phash(image)), 16)


class NearDuplicates:
    """Maps each hash to the first earlier one that differs in at most `bits` bits, or to itself.

    Such hashes agree in at least one of bits + 1 bands, so only hashes with a common band are compared.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        edges = [BITS * i // (bits + 1) for i in range(bits + 2)]
        self._bands = list(pairwise(edges))
        self._met: dict[tuple[int, int], list[int]] = {}

    def first(self, of: int) -> int:
        places = [(i, of >> low & (1 << high - low) - 1) for i, (low, high) in enumerate(self._bands)]
        for place in places:
            for other in self._met.get(place, ()):
                if (of ^ other).bit_count() <= self.bits:
                    return other
        for place in places:
            self._met.setdefault(place, []).append(of)
        return of
