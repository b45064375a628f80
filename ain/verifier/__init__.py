"""Verifiers score how close a translation is to its original. Each is a class with

    run(pairs, out, engine) -> Similarities

which computes what is not on disk yet, and `score(pairs) -> [pairs]` for a few (original, translation) pairs at once.
`EmbeddingVerifier` is for encoders that embed each text, `PairScorer` for models that read both texts together.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

Pair = tuple[str, str]
Pairs = Callable[[], Iterable[Pair]]


class Similarities(Protocol):
    """A verifier's scores, looked up by pair."""

    def of(self, pairs: list[Pair]) -> np.ndarray:
        """Return float32 [pairs]; higher is better."""
        ...
