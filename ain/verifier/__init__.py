"""Verifiers: how near a translation is to its original. Each is a class with

    over(pairs, out, engine) -> a look-up from pairs to scores

which computes what is not on disk yet, and `score(pairs) -> [pairs]` for a few pairs at once. A pair is (English, Arabic).
`EmbeddingVerifier` is for encoders that turn each text into a vector, `PairScorer` for models that read both texts together.
"""

from collections.abc import Callable, Iterable

import numpy as np

Pair = tuple[str, str]
LookUp = Callable[[list[Pair]], np.ndarray]
Pairs = Callable[[], Iterable[Pair]]
