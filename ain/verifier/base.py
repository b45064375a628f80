"""Base classes of verifiers. Each distinct text is embedded once, each distinct pair scored once."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from ain.engine.unique import Arrays, Unique
from ain.verifier import Pair, Pairs

AT_ONCE = 4_096  # pairs whose vectors are in memory at once


class EmbeddingVerifier(ABC):
    @abstractmethod
    def embed(self, texts: list[str]) -> np.ndarray:
        """Return unit vectors, float32 [texts, dimension]; their dot product is the cosine similarity."""

    def score(self, pairs: list[Pair]) -> np.ndarray:
        """Return cosine similarities, float32 [pairs]."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        vectors = dict(zip(texts, self.embed(texts), strict=True))
        return np.array([vectors[one] @ vectors[other] for one, other in pairs], np.float32)

    def run(self, pairs: Pairs, out: Path, engine: Any) -> "Cosines":
        unique = Unique(text for pair in pairs() for text in pair)
        return Cosines(unique, unique.arrays(out / "vectors", self, "embed", engine, "verify"))


class Cosines:
    """Similarities from the vectors of distinct texts. Only `AT_ONCE` pairs of vectors are in memory at once."""

    def __init__(self, unique: Unique, vectors: Arrays) -> None:
        self._unique, self._vectors = unique, vectors

    def of(self, pairs: list[Pair]) -> np.ndarray:
        made = np.empty(len(pairs), np.float32)
        for start in range(0, len(pairs), AT_ONCE):
            some = pairs[start : start + AT_ONCE]
            one, other = (self._vectors.take(self._unique.numbers(pair[side] for pair in some)) for side in (0, 1))
            made[start : start + AT_ONCE] = np.einsum("ij,ij->i", one, other)
        return made


class PairScorer(ABC):
    @abstractmethod
    def score(self, pairs: list[Pair]) -> np.ndarray:
        """Return float32 [pairs]; higher is better."""

    def run(self, pairs: Pairs, out: Path, engine: Any) -> "Scored":
        unique = Unique(pairs())
        return Scored(unique, unique.arrays(out / "scores", self, "score", engine, "verify"))


class Scored:
    """Scores of distinct pairs."""

    def __init__(self, unique: Unique, scores: Arrays) -> None:
        self._unique, self._scores = unique, scores

    def of(self, pairs: list[Pair]) -> np.ndarray:
        return self._scores.take(self._unique.numbers(pairs))
