"""A screener of the Qwen2-VL class, asked for a JSON verdict about one picture."""

from functools import cached_property
from pathlib import Path

from PIL import Image

from ain.ledger import key
from ain.model.answering import Answering
from ain.model.processor import Processor
from ain.source.conversation import IMAGE
from ain.stage import content_digest


class Qwen2VLScreener:
    def __init__(
        self,
        checkpoint: str,
        prompt: str,
        max_new_tokens: int = 200,
        max_pixels: int = 262_144,
        batch_size: int = 16,
        device: str = "auto",
    ) -> None:
        self.checkpoint = checkpoint
        self.prompt = prompt
        self.max_new_tokens = max_new_tokens
        self.max_pixels = max_pixels
        self._answering = Answering(
            checkpoint, Processor(checkpoint, max_pixels=max_pixels), max_new_tokens, batch_size, device
        )

    @cached_property
    def key(self) -> str:
        """All that shapes an answer besides the picture, for the ledger."""
        return key("qwen2_vl", content_digest(Path(self.checkpoint)), self.prompt, self.max_new_tokens, self.max_pixels)

    def judge(self, images: list[Image.Image]) -> list[str]:
        """One answer for each picture; JSON, if the model does as it is told."""
        return self._answering.answer([(f"{IMAGE}\n{self.prompt}", [image]) for image in images])
