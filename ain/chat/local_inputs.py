"""Converts messages to a local model's input tensors, in the three ways that checkpoints need.

`encode(messages, continuation)` tokenises one conversation that ends with the continuation or, without one, with the
prompt for an answer. `batch(samples, left)` pads several samples into tensors, on the left for generation.
"""

import io
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

from PIL import Image

from ain import Unavailable
from ain.chat import Message, images_of
from ain.runtime.paths import install_hint


@dataclass(frozen=True)
class Sample:
    """One encoded conversation.

    length: number of tokens, as far as known. continuation: token ids to score. after: number of tokens that the chat
    template adds after the continuation.
    """

    content: Any
    images: list[Image.Image]
    length: int
    continuation: list[int]
    after: int = 0


class Inputs(Protocol):
    def encode(self, messages: list[Message], continuation: str | None = None) -> Sample: ...

    def batch(self, samples: list[Sample], left: bool) -> dict[str, Any]: ...


class TextInputs:
    """For text-only language models: tokenises the chat template's text."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def encode(self, messages: list[Message], continuation: str | None = None) -> Sample:
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        added = continued(self.tokenizer, continuation)
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"] + added
        return Sample(ids, [], len(ids), added)

    def batch(self, samples: list[Sample], left: bool) -> dict[str, Any]:
        ids = {"input_ids": [sample.content for sample in samples]}
        side = "left" if left else "right"
        return dict(self.tokenizer.pad(ids, padding=True, padding_side=side, return_tensors="pt"))


class ProcessorInputs:
    """For this project's model families, through their own processor (`ain.model.processor`)."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def encode(self, messages: list[Message], continuation: str | None = None) -> Sample:
        images = _images(messages)
        parts = [parted(message) for message in messages]
        sizes = [image.size for image in images]
        tokens = self.processor.tokenize(parts, sizes)
        if continuation is None:
            return Sample(tokens, images, len(tokens.input_ids), [])
        answer = {"role": "assistant", "content": [{"type": "text", "text": continuation}]}
        whole = self.processor.tokenize([*parts, answer], sizes)
        added = continued(self.processor.tokenizer, continuation)
        after = len(whole.input_ids) - len(tokens.input_ids) - len(added)
        return Sample(whole, images, len(whole.input_ids), added, after)

    def batch(self, samples: list[Sample], left: bool) -> dict[str, Any]:
        images = [image for sample in samples for image in sample.images]
        made = dict(self.processor.collate([sample.content for sample in samples], images, left=left))
        made.pop("labels")
        return made


class OwnInputs:
    """For other vision models, through the processor of their checkpoint, which needs torchvision."""

    def __init__(self, checkpoint: str, dtype: Any) -> None:
        self.checkpoint, self.dtype = checkpoint, dtype

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoProcessor

        try:
            return AutoProcessor.from_pretrained(self.checkpoint)
        except ImportError:
            raise needs_torchvision(self.checkpoint) from None

    def encode(self, messages: list[Message], continuation: str | None = None) -> Sample:
        parts = [parted(message) for message in messages]
        text = self._processor.apply_chat_template(parts, tokenize=False, add_generation_prompt=True)
        text += continuation or ""
        length = len(self._processor.tokenizer(text, add_special_tokens=False)["input_ids"])
        return Sample(text, _images(messages), length, continued(self._processor.tokenizer, continuation))

    def batch(self, samples: list[Sample], left: bool) -> dict[str, Any]:
        images = [image for sample in samples for image in sample.images]
        made = self._processor(
            text=[sample.content for sample in samples],
            images=images or None,
            padding=True,
            padding_side="left" if left else "right",
            add_special_tokens=False,  # the chat template has written them
            return_tensors="pt",
        )
        return {name: value.to(self.dtype) if value.is_floating_point() else value for name, value in made.items()}


def continued(tokenizer: Any, continuation: str | None) -> list[int]:
    return list(tokenizer(continuation, add_special_tokens=False)["input_ids"]) if continuation else []


def parted(message: Message) -> Message:
    """Return a message as vision models' templates expect it: a list of parts, with images as placeholders."""
    content = message["content"]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return {**message, "content": [{"type": "image"} if part["type"] == "image_url" else part for part in parts]}


def _images(messages: list[Message]) -> list[Image.Image]:
    return [_decoded(data) for data in images_of(messages)]


@lru_cache(32)  # several questions about one image stand side by side
def _decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def needs_torchvision(checkpoint: str) -> Unavailable:
    return Unavailable(
        f"{checkpoint}: its processor needs torchvision, which comes with a GPU build of torch: {install_hint('gpu')}"
    )
