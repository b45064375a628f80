"""Find runs of words that texts share, by 64-bit hashes of n-grams."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def ngrams(texts: Sequence[Sequence[str]], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each run of n words within a text, its hash and the number of its text.

    texts: the words of each text. The hashes are the same in every process.
    """
    words = np.fromiter((_hashed(word) for text in texts for word in text), np.uint64)
    of = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    count = max(0, len(words) - n + 1)
    hashes = np.zeros(count, np.uint64)
    for i in range(n):
        hashes = hashes * _FACTOR + words[i : i + count]  # modulo 2 ** 64
    within = of[:count] == of[n - 1 : n - 1 + count]
    return hashes[within], of[:count][within]


@lru_cache(100_000)
def _hashed(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(errors="replace"), digest_size=8).digest())
