"""Conversations and pictures as Qwen2-VL takes them: chat template, visual placeholders, labels on answers only.

`AutoProcessor` cannot be constructed without torchvision (it wants the video processor), so the tokenizer and the Pillow
image processor are used directly, everywhere: the same picture gives the same pixels on every machine.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image

from ain import UserError
from ain.source.conversation import IMAGE

if TYPE_CHECKING:
    import torch

IGNORE = -100  # a label that takes no part in the loss
Message = dict[str, Any]


@dataclass(frozen=True)
class Tokens:
    """One conversation: ids and labels of equal length; a label is the id where the model is to answer, else IGNORE."""

    input_ids: list[int]
    labels: list[int]
    grids: list[tuple[int, int, int]]  # (frames, rows, columns) of patches for each image


def conversation(exchanges: list[dict[str, str]]) -> list[Message]:
    """Messages for the chat template from exchanges of `question` and `answer`; an empty answer is left to the model."""
    messages: list[Message] = []
    for exchange in exchanges:
        content: list[dict[str, str]] = []
        for i, piece in enumerate(exchange["question"].split(IMAGE)):
            content += [{"type": "image"}] if i else []
            content += [{"type": "text", "text": piece.strip("\n")}] if piece.strip() else []
        messages.append({"role": "user", "content": content})
        if exchange["answer"]:
            messages.append({"role": "assistant", "content": [{"type": "text", "text": exchange["answer"]}]})
    return messages


_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"


def _marked(message: Message) -> Message:
    return {**message, "content": [{"type": "text", "text": _MARK}]}


class Processor:
    """Tokens and pixels for one checkpoint of the Qwen2-VL class.

    max_pixels and min_pixels bound a picture's area after resizing; each 28 x 28 pixels become one visual token.
    """

    def __init__(
        self, checkpoint: str, max_pixels: int = 262_144, min_pixels: int = 3_136, cutoff: int = 2_048
    ) -> None:
        self.checkpoint = checkpoint
        self.max_pixels = max_pixels
        self.min_pixels = min_pixels
        self.cutoff = cutoff

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

    def grid(self, width: int, height: int) -> tuple[int, int, int]:
        """(frames, rows, columns) of patches that a picture of this size becomes; computed without its pixels."""
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

        patch, factor = (
            self.image_processor.patch_size,
            self.image_processor.patch_size * self.image_processor.merge_size,
        )
        rows, columns = smart_resize(height, width, factor, self.min_pixels, self.max_pixels)
        return 1, rows // patch, columns // patch

    def tokenize(self, messages: list[Message], sizes: list[tuple[int, int]]) -> Tokens:
        """A conversation with pictures of the given (width, height). One that ends with a question asks for an answer."""
        text, spans = self._render(messages)
        encoded = self.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        grids = [self.grid(*size) for size in sizes]
        visual = [rows * columns // self.image_processor.merge_size**2 for _, rows, columns in grids]

        input_ids: list[int] = []
        labels: list[int] = []
        placeholders = iter(visual)
        for token, (start, end) in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True):
            if token == self.image_token_id:
                count = next(placeholders)
                input_ids += [token] * count
                labels += [IGNORE] * count
            else:
                input_ids.append(token)
                labels.append(token if any(first <= start and end <= last for first, last in spans) else IGNORE)
        return Tokens(input_ids, labels, grids)

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

    def pixels(self, images: list[Image.Image]) -> "tuple[torch.Tensor, torch.Tensor]":
        """pixel_values [patches, channels * frames * patch area] and image_grid_thw [images, 3]."""
        made = self.image_processor(images, return_tensors="pt")
        return made["pixel_values"], made["image_grid_thw"]

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
        batch = {
            "input_ids": input_ids,
            "attention_mask": padded([[1] * len(sample.input_ids) for sample in samples], 0),
            "labels": padded([sample.labels for sample in samples], IGNORE),
            "mm_token_type_ids": (input_ids == self.image_token_id).int(),
        }
        if images:
            batch["pixel_values"], batch["image_grid_thw"] = self.pixels(images)
        return batch
