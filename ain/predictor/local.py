"""Answers from a Hugging Face checkpoint on this machine."""

from collections.abc import Sequence

from PIL import Image

from ain.model.answering import Answering
from ain.model.processor import Processor


class Transformers:
    def __init__(self, max_new_tokens: int = 64, batch_size: int = 16, device: str = "auto") -> None:
        self.max_new_tokens = max_new_tokens
        self.batch_size = batch_size
        self.device = device
        self._loaded: dict[str, Answering] = {}

    def predict(
        self, checkpoint: str, processor: Processor, asked: Sequence[tuple[str, list[Image.Image]]]
    ) -> list[str]:
        """Greedy answers to (question with <image> placeholders, images), in order."""
        if checkpoint not in self._loaded:
            self._loaded = {
                checkpoint: Answering(checkpoint, processor, self.max_new_tokens, self.batch_size, self.device)
            }
        return self._loaded[checkpoint].answer(asked)
