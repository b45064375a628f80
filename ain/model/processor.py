"""Conversations and images as Qwen2-VL takes them: chat template, visual placeholders, labels on answers only.

A placeholder stands for one image, or for the frames of a video, which are taken two by two.

`AutoProcessor` cannot be constructed without torchvision (it wants the video processor), so the tokenizer and the Pillow
image processor are used directly, everywhere: the same image gives the same pixels on every machine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image

from ain import UserError
from ain.text.placeholders import PLACEHOLDERS

if TYPE_CHECKING:
    import torch

IGNORE = -100  # a label that takes no part in the loss
Message = dict[str, Any]


@dataclass(frozen=True)
class Tokens:
    """One conversation: ids and labels of equal length; a label is the id where the model is to answer, else IGNORE."""

    input_ids: list[int]
    labels: list[int]
    grids: list[tuple[int, int, int]]  # (pairs of frames, rows, columns) of patches for each placeholder
    frames: list[int] | None = None  # images for each placeholder; None: one each


def conversation(turns: list[dict[str, str]]) -> list[Message]:
    """Messages for the chat template from turns of `question` and `answer`; an empty answer is left to the model."""
    messages: list[Message] = []
    for turn in turns:
        content: list[dict[str, str]] = []
        for piece in re.split(f"({'|'.join(PLACEHOLDERS)})", turn["question"]):
            if piece in PLACEHOLDERS:
                content.append({"type": PLACEHOLDERS[piece]})
            elif piece.strip():
                content.append({"type": "text", "text": piece.strip("\n")})
        messages.append({"role": "user", "content": content})
        if turn["answer"]:
            messages.append({"role": "assistant", "content": [{"type": "text", "text": turn["answer"]}]})
    return messages


_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"


def _marked(message: Message) -> Message:
    return {**message, "content": [{"type": "text", "text": _MARK}]}


class Processor:
    """Tokens and pixels for one checkpoint of the Qwen2-VL class.

    max_pixels and min_pixels bound an image's area after resizing; each 28 x 28 pixels become one visual token. A frame of
    a video has at most video_max_pixels. A conversation of more than `cutoff` tokens gets smaller images
    (too_long=resize), or is rejected, which is what happens to text that alone is too long (too_long=reject: always).
    """

    def __init__(
        self,
        checkpoint: str,
        max_pixels: int = 262_144,
        min_pixels: int = 3_136,
        cutoff: int = 2_048,
        video_max_pixels: int = 16_384,
        too_long: str = "resize",
    ) -> None:
        if too_long not in ("resize", "reject"):
            raise UserError(f"model.processor.too_long={too_long}: choose one of resize, reject")
        self.checkpoint = checkpoint
        self.max_pixels = max_pixels
        self.min_pixels = min_pixels
        self.cutoff = cutoff
        self.video_max_pixels = video_max_pixels
        self.too_long = too_long

    @cached_property
    def tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.checkpoint)

    @cached_property
    def image_processor(self) -> Any:
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        size = {"shortest_edge": self.min_pixels, "longest_edge": self.max_pixels}
        return Qwen2VLImageProcessorPil.from_pretrained(self.checkpoint, size=size)

    @cached_property
    def image_token_id(self) -> int:
        return int(self.tokenizer.convert_tokens_to_ids("<|image_pad|>"))

    @cached_property
    def video_token_id(self) -> int:
        return int(self.tokenizer.convert_tokens_to_ids("<|video_pad|>"))

    @property
    def patch_values(self) -> int:
        """Numbers that a patch is made of: channels, two frames, 14 x 14 pixels."""
        return int(3 * self.image_processor.temporal_patch_size * self.image_processor.patch_size**2)

    def grid(self, width: int, height: int, frames: int = 1, max_pixels: int | None = None) -> tuple[int, int, int]:
        """(pairs of frames, rows, columns) of patches that an image of this size becomes; computed without its pixels."""
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

        patch, factor = (
            self.image_processor.patch_size,
            self.image_processor.patch_size * self.image_processor.merge_size,
        )
        most = max(
            self.min_pixels,
            min(max_pixels or self.max_pixels, self.video_max_pixels if frames > 1 else self.max_pixels),
        )
        rows, columns = smart_resize(height, width, factor, self.min_pixels, most)
        return -(-frames // self.image_processor.temporal_patch_size), rows // patch, columns // patch

    def tokenize(
        self, messages: list[Message], sizes: list[tuple[int, int]], frames: Sequence[int] | None = None
    ) -> Tokens:
        """A conversation with placeholders for images of the given (width, height); a video has its first frame's size.

        One that ends with a question asks for an answer. One that is too long has smaller images, where that is enough.
        """
        text, spans = self._render(messages)
        encoded = self.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        counts = list(frames or [1] * len(sizes))
        grids = self._fitting(sizes, counts, len(encoded["input_ids"]) - len(sizes))
        visual = iter([self.visual_tokens(grid) for grid in grids])
        input_ids: list[int] = []
        labels: list[int] = []
        for token, (start, end) in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True):
            if token in (self.image_token_id, self.video_token_id):
                count = next(visual)
                input_ids += [token] * count
                labels += [IGNORE] * count
            else:
                input_ids.append(token)
                labels.append(token if any(first <= start and end <= last for first, last in spans) else IGNORE)
        if any(True for _ in visual):
            raise UserError(f"{self.checkpoint}: its chat template has no place for one of the images or videos")
        return Tokens(input_ids, labels, grids, counts)

    def _fitting(self, sizes: list[tuple[int, int]], frames: list[int], text: int) -> list[tuple[int, int, int]]:
        """Grids of the images; smaller ones, down to min_pixels, where text and images together pass the cutoff."""
        limit = float(self.max_pixels)
        while True:
            grids = [self.grid(*size, count, round(limit)) for size, count in zip(sizes, frames, strict=True)]
            short = text + sum(map(self.visual_tokens, grids)) <= self.cutoff
            if short or self.too_long == "reject" or limit <= self.min_pixels or not sizes:
                return grids
            limit *= 0.9

    def visual_tokens(self, grid: tuple[int, int, int]) -> int:
        """Visual tokens of a grid of patches."""
        return grid[0] * grid[1] * grid[2] // int(self.image_processor.merge_size) ** 2

    def _render(self, messages: list[Message]) -> tuple[str, list[tuple[int, int]]]:
        """The chat template's text, and the characters of each answer with its end-of-turn token."""
        answers = [message["content"][0]["text"] for message in messages if message["role"] == "assistant"]
        text = self._template(messages)
        marked = self._template(
            [_marked(message) if message["role"] == "assistant" else message for message in messages]
        )
        spans: list[tuple[int, int]] = []
        rebuilt = ""
        for piece, answer in zip(marked.split(_MARK), [*answers, ""], strict=True):
            rebuilt += piece
            if len(spans) < len(answers):
                end = len(rebuilt) + len(answer) + len(self.tokenizer.eos_token)
                spans.append((len(rebuilt), end))
                rebuilt += answer
        if rebuilt != text:
            raise UserError(
                f"{self.checkpoint}: its chat template changes the answers, so their labels cannot be placed"
            )
        return text, spans

    def _template(self, messages: list[Message]) -> str:
        asking = messages[-1]["role"] == "user"
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=asking))

    def pixels(
        self, images: list[Image.Image], grids: list[tuple[int, int, int]], frames: Sequence[int] | None = None
    ) -> "torch.Tensor":
        """pixel_values [patches, patch_values] of images brought to their grids."""
        import torch

        waiting = iter(images)
        counts = frames or [1] * len(grids)
        made = [self._patches([next(waiting) for _ in range(n)], grid) for grid, n in zip(grids, counts, strict=True)]
        return torch.cat(made)

    def _patches(self, images: list[Image.Image], grid: tuple[int, int, int]) -> "torch.Tensor":
        """Of an image, or of frames: the first of two gives a patch's first half, the second its other half."""
        import torch

        side = self.image_processor.patch_size
        size = (grid[2] * side, grid[1] * side)
        fitted = [image if image.size == size else image.resize(size, Image.Resampling.BICUBIC) for image in images]
        single = self.image_processor(fitted, do_resize=False, return_tensors="pt")["pixel_values"]
        if len(images) == 1:
            return single  # type: ignore[no-any-return]
        halves = single.view(len(images), -1, 3, self.image_processor.temporal_patch_size, side * side)
        if len(images) % 2:
            halves = torch.cat([halves, halves[-1:]])
        return torch.stack([halves[::2, :, :, 0], halves[1::2, :, :, 1]], dim=3).flatten(0, 1).flatten(1)

    def collate(
        self, samples: list[Tokens], images: list[Image.Image], left: bool = False
    ) -> "dict[str, torch.Tensor]":
        """A padded batch; `left` pads in front, as generation wants it. `images` are those of all samples in order."""
        import torch

        longest = max(len(sample.input_ids) for sample in samples)

        def padded(rows: list[list[int]], fill: int) -> torch.Tensor:
            filled = [
                [fill] * (longest - len(row)) + row if left else row + [fill] * (longest - len(row)) for row in rows
            ]
            return torch.tensor(filled, dtype=torch.long)

        input_ids = padded([sample.input_ids for sample in samples], self.tokenizer.pad_token_id)
        input_ids[input_ids == self.video_token_id] = self.image_token_id  # an image of several pairs of frames
        batch = {
            "input_ids": input_ids,
            "attention_mask": padded([[1] * len(sample.input_ids) for sample in samples], 0),
            "labels": padded([sample.labels for sample in samples], IGNORE),
            "mm_token_type_ids": (input_ids == self.image_token_id).int(),
        }
        if images:
            grids = [grid for sample in samples for grid in sample.grids]
            frames = [count for sample in samples for count in sample.frames or [1] * len(sample.grids)]
            batch["pixel_values"], batch["image_grid_thw"] = self.pixels(images, grids, frames), torch.tensor(grids)
        return batch
