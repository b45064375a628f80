"""Greedy answers of a vision-language checkpoint, in batches. The screener and the predictor both speak through this."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from PIL import Image

from ain.model.conversation import conversation
from ain.model.processor import Processor


class Answering:
    """One answer for each (question, images); questions hold <image> where an image belongs."""

    def __init__(
        self, checkpoint: str, processor: Processor, max_new_tokens: int, batch_size: int, device: str
    ) -> None:
        self.checkpoint = checkpoint
        self.processor = processor
        self.max_new_tokens = max_new_tokens
        self.batch_size = batch_size
        self.device = device

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModelForImageTextToText

        from ain.runtime.device import chosen

        model: Any = AutoModelForImageTextToText.from_pretrained(self.checkpoint, dtype="auto")
        return model.to(chosen(self.device)).eval()

    def answer(self, asked: Sequence[tuple[str, list[Image.Image]]]) -> list[str]:
        """Answers in order. Batches go by length; padding is on the left, so that a batch answers as one by one."""
        samples = [
            self.processor.tokenize(conversation([{"question": q, "answer": ""}]), [image.size for image in images])
            for q, images in asked
        ]
        order = sorted(range(len(asked)), key=lambda i: len(samples[i].input_ids))
        answers = [""] * len(asked)
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            for i, text in zip(
                chosen, self._batch([samples[i] for i in chosen], [asked[i][1] for i in chosen]), strict=True
            ):
                answers[i] = text
        return answers

    def _batch(self, samples: list[Any], images: list[list[Image.Image]]) -> list[str]:
        import torch

        batch = self.processor.collate(samples, [image for several in images for image in several], left=True)
        batch.pop("labels")
        batch = {name: tensor.to(self._model.device) for name, tensor in batch.items()}
        with torch.inference_mode():
            out = self._model.generate(**batch, do_sample=False, max_new_tokens=self.max_new_tokens)
        texts = self.processor.tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
        return [text.strip() for text in texts]
