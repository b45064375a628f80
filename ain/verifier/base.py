"""Every distinct text is embedded once, every distinct pair judged once, whatever the number of records."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from ain.engine.unique import Unique
from ain.verifier import LookUp, Pair, Pairs

AT_ONCE = 4_096  # pairs whose vectors are in memory together


class EmbeddingVerifier(ABC):
    @abstractmethod
    def embed(self, texts: list[str]) -> np.ndarray:
        """Unit vectors, float32 [texts, dimension]: their dot product is the cosine similarity."""

    def score(self, pairs: list[Pair]) -> np.ndarray:
        """Cosine similarities, float32 [pairs]."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        vectors = dict(zip(texts, self.embed(texts), strict=True))
        return np.array([vectors[one] @ vectors[other] for one, other in pairs], np.float32)

    def over(self, pairs: Pairs, out: Path, engine: Any) -> LookUp:
        once = Unique(text for pair in pairs() for text in pair)
        vectors = once.arrays(out / "vectors", self, "embed", engine, "verify")

        def similarities(asked: list[Pair]) -> np.ndarray:
            made = np.empty(len(asked), np.float32)
            for start in range(0, len(asked), AT_ONCE):
                some = asked[start : start + AT_ONCE]
                one, other = (vectors.take(once.numbers(pair[side] for pair in some)) for side in (0, 1))
                made[start : start + AT_ONCE] = np.einsum("ij,ij->i", one, other)
            return made

        return similarities


class PairScorer(ABC):
    @abstractmethod
    def score(self, pairs: list[Pair]) -> np.ndarray:
        """float32 [pairs], the higher the better."""

    def over(self, pairs: Pairs, out: Path, engine: Any) -> LookUp:
        once = Unique(pairs())
        scores = once.arrays(out / "scores", self, "score", engine, "verify")
        return lambda asked: scores.take(once.numbers(asked))
