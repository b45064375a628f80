"""Similarity by any encoder that sentence-transformers loads (Section 2.2, Fig. 14)."""

from functools import cached_property
from typing import Any

import numpy as np


class SentenceEncoder:
    """A multilingual encoder; plain encoders without a pooling of their own get mean pooling."""

    def __init__(self, checkpoint: str, batch_size: int = 256, device: str = "auto") -> None:
        self.checkpoint = checkpoint
        self.batch_size = batch_size
        self.device = device

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        from ain.device import chosen

        return SentenceTransformer(self.checkpoint, device=chosen(self.device))

    def embed(self, texts: list[str]) -> np.ndarray:
        """Unit vectors, float32 [texts, dimension]: their dot product is the cosine similarity."""
        made = self._model.encode(
            texts, batch_size=self.batch_size, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(made, dtype=np.float32)
