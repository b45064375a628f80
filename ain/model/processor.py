"""Model inputs: conversations as tokens, images as layouts and pixels, samples as batches.

This is the part that all model families share; each family has a subclass in its package.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from PIL import Image

from ain import UserError
from ain.model.conversation import Message, render

LONG = 32_768  # tokens that models of today take
IGNORE = -100  # label of a token that is excluded from the loss
Batch = dict[str, Any]


class Unusable(UserError):
    """A record that this model family cannot process; the message is the rejection reason."""


class Medium(NamedTuple):
    """An image or a video before processing: its size (width, height), number of frames, and frames per second."""

    kind: str  # image | video
    size: tuple[int, int]
    images: int = 1
    fps: float | None = None


@dataclass(frozen=True)
class Layout:
    """The size of an image or video inside the model, computed from its size in pixels.

    shape: family-specific numbers, such as (pairs of frames, rows, columns) of patches or (height, width, tiles).
    tokens: in the language model; patches: in the vision tower; images: the number of images it consists of.
    """

    kind: str
    shape: tuple[int, ...]
    tokens: int
    patches: int
    images: int = 1
    fps: float | None = None


@dataclass(frozen=True)
class Tokens:
    """One conversation: ids and labels of equal length. A label is the id where the model has to answer, else IGNORE."""

    input_ids: list[int]
    labels: list[int]
    media: list[Layout] = field(default_factory=list)

    @property
    def images(self) -> int:
        """The number of images that its media consist of."""
        return sum(layout.images for layout in self.media)


class Processor(ABC):
    """Turns conversations and images into tokens and pixels for one checkpoint.

    If a conversation exceeds max_length tokens, too_long=resize shrinks its images. If that is not enough, or with
    too_long=reject, it stays too long and the `tokenize` stage rejects it. Nothing is ever truncated.
    """

    libraries: ClassVar[tuple[str, ...]] = ("transformers.models.auto.tokenization_auto",)  # what `tokenizer` imports

    def __init__(self, checkpoint: str, max_length: int, too_long: Literal["resize", "reject"]) -> None:
        self.checkpoint, self.max_length, self.too_long = checkpoint, max_length, too_long

    @cached_property
    def tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.checkpoint)

    @property
    def shaping(self) -> dict[str, Any]:
        """Settings that shape tokens and pixels; the checkpoint is known by its content elsewhere."""
        settings = [name for name in inspect.signature(type(self)).parameters if name != "checkpoint"]
        return {name: getattr(self, name) for name in settings}

    def with_max_pixels(self, max_pixels: int) -> Self:
        """Return this processor with another limit of an image's area, and room for its tokens: a benchmark's images may
        be larger than those of training."""
        made = copy(self)
        made.__dict__.pop("image_processor", None)  # it is made for the old limit
        made.max_pixels, made.max_length = max_pixels, max(self.max_length, LONG)  # type: ignore[attr-defined]
        return made

    @property
    def end_of_answer(self) -> str:
        """The token that ends an answer; the model learns to generate it."""
        return str(self.tokenizer.eos_token)

    @property
    @abstractmethod
    def visual_ids(self) -> frozenset[int]:
        """The ids of tokens that stand for images and videos."""

    @abstractmethod
    def layouts(self, media: list[Medium], room: int) -> list[Layout]:
        """Return the layouts of a conversation's media, shrunk if they would need more than `room` tokens."""

    def placeholders(self, layout: Layout) -> list[int]:
        """Return the number of tokens for each placeholder in the template's text; a medium has one or several."""
        return [layout.tokens]

    def prepared(self, messages: list[Message], media: list[Medium]) -> list[Message]:
        """Return the messages in the form that the family's chat template expects."""
        return messages

    @abstractmethod
    def pixels(self, images: Sequence[Image.Image], media: Sequence[Layout]) -> Any:
        """Return the vision tower's input for images in the order of their media."""

    @abstractmethod
    def collate(self, samples: list[Tokens], images: list[Image.Image], left: bool = False) -> Batch:
        """Return a padded batch for transformers' own forward pass and loss; `left` pads on the left, for generation."""

    @abstractmethod
    def pack(self, samples: list[Tokens], images: list[list[Image.Image]]) -> Batch:
        """Concatenate samples into one row of T tokens for `ModelFamily.hidden`; each is computed as if it were alone.

        input_ids [1, T]; targets [T]: the next token where an answer is to be learned, else IGNORE; bounds: the offsets
        where samples start, and T. A row without images ends with a dummy image that no sample attends to. All ranks
        then run the same modules, so parameters that are sharded over ranks (ZeRO-3) can be gathered.
        """

    def tokenize(
        self,
        messages: list[Message],
        sizes: list[tuple[int, int]],
        frames: Sequence[int] | None = None,
        rates: Sequence[float | None] | None = None,
    ) -> Tokens:
        """Tokenize a conversation with one placeholder for each size (width, height).

        If it ends with a question, the generation prompt is added. frames: the number of images that each placeholder
        stands for; rates: the frames per second of each.
        """
        media = self._media(messages, sizes, frames, rates)
        text, spans = render(self.tokenizer, self.prepared(messages, media), self.end_of_answer)
        encoded = self.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        ids, (starts, ends) = np.array(encoded["input_ids"]), np.array(encoded["offset_mapping"]).T
        visual = np.isin(ids, list(self.visual_ids))
        places = int(visual.sum())
        layouts = self.layouts(media, self.max_length - (len(ids) - places))
        counts = [count for layout in layouts for count in self.placeholders(layout)]
        if len(counts) != places:
            raise self._misplaced(len(counts), places)
        answers = np.zeros(len(ids), dtype=bool)
        for first, last in spans:
            answers |= (starts >= first) & (ends <= last)
        repeats = np.ones(len(ids), dtype=int)
        repeats[visual] = counts
        labels = np.where(answers & ~visual, ids, IGNORE)
        return Tokens(ids.repeat(repeats).tolist(), labels.repeat(repeats).tolist(), layouts)

    def _media(self, messages: list[Message], sizes: Any, frames: Any, rates: Any) -> list[Medium]:
        parts = [part for message in messages if not isinstance(message["content"], str) for part in message["content"]]
        kinds = [part["type"] for part in parts if part["type"] in ("image", "video")]
        if len(kinds) != len(sizes):
            raise self._misplaced(len(sizes), len(kinds))
        return [
            Medium(*each)
            for each in zip(kinds, sizes, frames or [1] * len(sizes), rates or [None] * len(sizes), strict=True)
        ]

    def _misplaced(self, given: int, places: int) -> Unusable:
        return Unusable(f"placeholders: its text has {places} places for {given} images or videos")

    def first_turn(self, sample: Tokens) -> tuple[Tokens, list[int]]:
        """Return (the conversation up to its first answer, with its media; the tokens of that answer)."""
        asked = [label != IGNORE for label in sample.labels]
        start = asked.index(True)
        end = start + (asked[start:].index(False) if False in asked[start:] else len(asked) - start)
        ids = sample.input_ids[:start]
        left = sum(token in self.visual_ids for token in ids)
        media = []
        for layout in sample.media:
            if left > 0:
                media.append(layout)
                left -= layout.tokens
        return Tokens(ids, [IGNORE] * start, media), sample.input_ids[start:end]

    def padded(self, samples: list[Tokens], left: bool) -> dict[str, Any]:
        """Return input_ids, attention_mask and labels [samples, longest], which every family's `collate` starts from."""
        import torch

        longest = max(len(sample.input_ids) for sample in samples)

        def filled(rows: list[list[int]], fill: int) -> torch.Tensor:
            gaps = ([fill] * (longest - len(row)) for row in rows)
            return torch.tensor(
                [gap + row if left else row + gap for gap, row in zip(gaps, rows, strict=True)], dtype=torch.long
            )

        return {
            "input_ids": filled([sample.input_ids for sample in samples], self.tokenizer.pad_token_id),
            "attention_mask": filled([[1] * len(sample.input_ids) for sample in samples], 0),
            "labels": filled([sample.labels for sample in samples], IGNORE),
        }
