"""Converts messages to a local model's input tensors, in the three ways that checkpoints need.

`encode(messages)` tokenises one conversation up to the prompt for an answer. `batch(samples, left)` pads several samples
into tensors, on the left for generation.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

from PIL import Image

from ain import Unavailable
from ain.chat import Message, images_of
from ain.runtime.paths import install_hint

_PER_TOKEN = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")  # [samples, tokens]


@dataclass(frozen=True)
class Sample:
    """One encoded conversation, or one plain text. length: number of tokens, as far as known."""

    content: Any
    images: list[Image.Image]
    length: int


def side_by_side(samples: list[Sample]) -> list[tuple[int, int, int]]:
    """Return keys that sort samples by length, but those about the same images together: the vision tower then computes
    these once."""
    groups: dict[tuple[int, ...], int] = {}
    numbers = [
        groups.setdefault(tuple(map(id, each.images)), i) if each.images else i for i, each in enumerate(samples)
    ]
    longest: dict[int, int] = {}
    for number, sample in zip(numbers, samples, strict=True):
        longest[number] = max(longest.get(number, 0), sample.length)
    return [(longest[number], number, sample.length) for number, sample in zip(numbers, samples, strict=True)]


class Inputs(Protocol):
    def encode(self, messages: list[Message]) -> Sample: ...

    def batch(self, samples: list[Sample], left: bool) -> dict[str, Any]: ...


class PlainInputs(Inputs, Protocol):
    def plain(self, ids: Sequence[int]) -> Sample:
        """Return the sample of given tokens, without a chat template."""


class TextInputs:
    """For text-only language models: tokenises the chat template's text."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def encode(self, messages: list[Message]) -> Sample:
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return self.plain(encoded(self.tokenizer, text))

    def plain(self, ids: Sequence[int]) -> Sample:
        return Sample(list(ids), [], len(ids))

    def batch(self, samples: list[Sample], left: bool) -> dict[str, Any]:
        ids = {"input_ids": [sample.content for sample in samples]}
        side = "left" if left else "right"
        return dict(self.tokenizer.pad(ids, padding=True, padding_side=side, return_tensors="pt"))


class ProcessorInputs:
    """For this project's model families, through their own processor (`ain.model.processor`)."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def encode(self, messages: list[Message]) -> Sample:
        images = _images(messages)
        tokens = self.processor.tokenize([parted(message) for message in messages], [image.size for image in images])
        return Sample(tokens, images, len(tokens.input_ids))

    def plain(self, ids: Sequence[int]) -> Sample:
        from ain.model.processor import IGNORE, Tokens

        return Sample(Tokens(list(ids), [IGNORE] * len(ids)), [], len(ids))

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

    def encode(self, messages: list[Message]) -> Sample:
        parts = [parted(message) for message in messages]
        text = self._processor.apply_chat_template(parts, tokenize=False, add_generation_prompt=True)
        return Sample(text, _images(messages), len(encoded(self._processor.tokenizer, text)))

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


def appended(inputs: dict[str, Any], added: list[tuple[int, ...]], pad: int) -> dict[str, Any]:
    """Return inputs that are padded on the right, with the tokens `added` behind each row's own."""
    import torch

    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    longest = max(length + len(ids) for length, ids in zip(lengths, added, strict=True))
    made = dict(inputs)
    for name in set(_PER_TOKEN) & set(inputs):
        old = inputs[name]
        new = torch.full((len(added), longest), pad if name == "input_ids" else 0, dtype=old.dtype)
        for row, (length, ids) in enumerate(zip(lengths, added, strict=True)):
            new[row, :length] = old[row, :length]
            if name in ("input_ids", "attention_mask"):
                behind = ids if name == "input_ids" else [1] * len(ids)
                new[row, length : length + len(ids)] = torch.tensor(behind, dtype=old.dtype)
        made[name] = new
    return made


def encoded(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


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
