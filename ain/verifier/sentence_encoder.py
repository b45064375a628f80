"""Similarity from any encoder that sentence-transformers can load (Section 2.2, Fig. 14)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ain.runtime.batching import batches
from ain.runtime.ranges import Positive
from ain.text.normalise import normalise
from ain.verifier.base import EmbeddingVerifier


class SentenceEncoder(EmbeddingVerifier):
    """Embeds texts with a sentence encoder. Plain encoders without a pooling layer get mean pooling.

    backend: torch; onnx, the same values faster on a CPU; int8, smaller and slightly different (`drift` measures it).
    normalised: compare texts without diacritics and spelling variants (`ain.text.normalise`).
    """

    def __init__(
        self,
        checkpoint: str,
        backend: Literal["torch", "onnx", "int8"] = "torch",
        normalised: bool = False,
        batch_size: Positive = 128,
        device: str = "auto",
    ) -> None:
        self.checkpoint = checkpoint
        self.backend = backend
        self.normalised = normalised
        self.batch_size = batch_size
        self.device = device

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        from ain.runtime.device import chosen

        if self.backend == "torch":
            return SentenceTransformer(self.checkpoint, device=chosen(self.device)).eval()
        from ain.verifier.onnx_encoder import Onnx

        model = SentenceTransformer(self.checkpoint, device="cpu").eval()
        model[0] = Onnx(model[0], self.checkpoint, quantised=self.backend == "int8")
        return model

    def embed(self, texts: list[str]) -> np.ndarray:
        """Return unit vectors, float32 [texts, dimension].

        Texts are tokenised together and batched by their number of tokens to reduce padding; the model's own modules
        (pooling, projection) do the rest.
        """
        if not texts:
            return np.zeros((0, 1), np.float32)
        given = [normalise(text) for text in texts] if self.normalised else texts
        ids = _tokenised(self._model, given)
        groups = list(batches([-len(of) for of in ids], self.batch_size))
        work = [[ids[i] for i in group] for group in groups]
        vectors = np.concatenate(list(_side_by_side(self._vectors, work, self._model.device.type)))
        return vectors[np.argsort(np.concatenate(groups))]  # type: ignore[no-any-return]

    def _vectors(self, ids: list[list[int]]) -> np.ndarray:
        import torch

        batch = _padded(ids, self._model.tokenizer.pad_token_id)
        with torch.inference_mode():
            features = {name: torch.from_numpy(values).to(self._model.device) for name, values in batch.items()}
            vectors = self._model.forward(features)["sentence_embedding"].float()
            return torch.nn.functional.normalize(vectors, dim=1).cpu().numpy()  # type: ignore[no-any-return]

    def drift(self, texts: list[str]) -> float | None:
        """Return the largest difference between this backend's similarities and torch's; None for torch itself."""
        if self.backend == "torch":
            return None
        plain = SentenceEncoder(self.checkpoint, "torch", self.normalised, self.batch_size, "cpu")
        ours, theirs = (vectors @ vectors.T for vectors in (self.embed(texts), plain.embed(texts)))
        return float(np.abs(ours - theirs).max())


def _tokenised(model: Any, texts: list[str]) -> list[list[int]]:
    lower = getattr(model[0], "do_lower_case", False)
    texts = [text.strip().lower() if lower else text.strip() for text in texts]
    length = model.max_seq_length or model.tokenizer.model_max_length
    return model.tokenizer(texts, truncation=True, max_length=length, return_attention_mask=False)["input_ids"]  # type: ignore[no-any-return]


def _padded(ids: list[list[int]], pad: int) -> dict[str, np.ndarray]:
    longest = max(map(len, ids))
    made, mask = np.full((len(ids), longest), pad, np.int64), np.zeros((len(ids), longest), np.int64)
    for row, of in enumerate(ids):
        made[row, : len(of)], mask[row, : len(of)] = of, 1
    return {"input_ids": made, "attention_mask": mask}


def _side_by_side(work: Callable[[Any], Any], items: list[Any], device: str) -> Iterator[Any]:
    """Yield `work(item)` in order. On a CPU, a batch per core is faster than sharing each small matrix product."""
    import torch

    threads = torch.get_num_threads()
    if device != "cpu" or threads == 1:
        yield from map(work, items)
        return
    try:
        torch.set_num_threads(1)
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(work, items)
    finally:
        torch.set_num_threads(threads)
