"""Qwen2-VL's processor: conversations and images as tokens and grids of patches, two frames of a video in each patch.

`AutoProcessor` needs torchvision (for the video processor), so the tokenizer and the Pillow image processor are always
used directly. The same image then gives the same pixels on every machine.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from ain.model.processor import IGNORE, Batch, Layout, Medium, Processor, Tokens
from ain.model.qwen2_vl.positions import Box, rotary_positions
from ain.model.qwen2_vl.sizes import Patches, patches_of, resized


class Qwen2VLProcessor(Processor):
    """Tokens and pixels for Qwen2-VL.

    max_pixels and min_pixels bound an image's area after resizing; each 28 x 28 pixels become one visual token. A video
    frame has at most video_max_pixels.
    """

    def __init__(
        self,
        checkpoint: str,
        max_pixels: Annotated[int, Field(ge=1)] = 262_144,
        min_pixels: Annotated[int, Field(ge=1)] = 3_136,
        max_length: Annotated[int, Field(ge=1)] = 2_048,
        video_max_pixels: Annotated[int, Field(ge=1)] = 16_384,
        too_long: Literal["resize", "reject"] = "resize",
    ) -> None:
        super().__init__(checkpoint, max_length, too_long)
        self.max_pixels, self.min_pixels, self.video_max_pixels = max_pixels, min_pixels, video_max_pixels

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

    @cached_property
    def visual_ids(self) -> frozenset[int]:
        return frozenset((self.image_token_id, self.video_token_id))

    @cached_property
    def patch(self) -> Patches:
        return patches_of(self.checkpoint)

    @property
    def merge(self) -> int:
        """The side of the square of patches that becomes one visual token."""
        return self.patch.merge

    @property
    def patch_values(self) -> int:
        """The number of values in a patch: channels x two frames x a square of pixels."""
        return 3 * self.patch.frames * self.patch.side**2

    def layout(self, medium: Medium, max_pixels: int | None = None) -> Layout:
        """Return the layout of a medium; its shape is (pairs of frames, rows, columns) of patches."""
        patch = self.patch.side
        bound = self.video_max_pixels if medium.images > 1 else self.max_pixels
        most = max(self.min_pixels, min(max_pixels or self.max_pixels, bound))
        width, height = medium.size
        rows, columns = resized(height, width, patch * self.merge, self.min_pixels, most)
        pairs = -(-medium.images // self.patch.frames)
        shape = (pairs, rows // patch, columns // patch)
        patches = shape[0] * shape[1] * shape[2]
        return Layout(medium.kind, shape, patches // self.merge**2, patches, medium.images, medium.fps)

    def layouts(self, media: list[Medium], room: int) -> list[Layout]:
        """Return the layouts, shrunk down to min_pixels if they need more tokens than there is room for."""
        limit = float(self.max_pixels)
        while True:
            made = [self.layout(medium, round(limit)) for medium in media]
            fits = sum(layout.tokens for layout in made) <= room
            if fits or self.too_long == "reject" or limit <= self.min_pixels or not media:
                return made
            limit *= 0.9

    def boxes(self, layout: Layout) -> list[Box]:
        """Return the runs of visual tokens for rotary positions. A video is an image with several pairs of frames."""
        pairs, rows, columns = layout.shape
        return [Box(pairs, rows // self.merge, columns // self.merge)]

    def pixels(self, images: Sequence[Image.Image], media: Sequence[Layout]) -> Any:
        """Return pixel_values [patches, patch_values] of images resized to their layouts."""
        import torch

        return torch.cat(self._pixels(images, media))

    def _pixels(self, images: Sequence[Image.Image], media: Sequence[Layout]) -> list[Any]:
        """Return the patches of each medium. One that comes several times, as the same objects, is computed once."""
        waiting = iter(images)
        distinct: dict[Any, tuple[list[Image.Image], tuple[int, ...]]] = {}
        keys = []
        for layout in media:
            of = [next(waiting) for _ in range(layout.images)]
            keys.append((layout.shape, *map(id, of)))
            distinct[keys[-1]] = (of, layout.shape)
        if next(waiting, None) is not None:
            raise ValueError("more images than the media have")
        made = dict(zip(distinct, self._patches(list(distinct.values())), strict=True))
        return [made[key] for key in keys]

    def _patches(self, media: list[tuple[list[Image.Image], tuple[int, ...]]]) -> list[Any]:
        """Return the patches of each (image or frames, shape), in one call: with small images, a call takes longer than
        an image."""
        if not media:
            return []
        side = self.patch.side
        fitted = [_fitted(image, (shape[2] * side, shape[1] * side)) for images, shape in media for image in images]
        patches = self.image_processor(fitted, do_resize=False, return_tensors="pt")["pixel_values"]
        each = patches.split([len(images) * shape[1] * shape[2] for images, shape in media])
        return [self._paired(of, len(images)) for of, (images, _) in zip(each, media, strict=True)]

    def _paired(self, patches: Any, frames: int) -> Any:
        """Return the patches of an image as they are. Of two frames, the first fills a patch's first half, the second
        the other; the last of an odd number fills both."""
        import torch

        if frames == 1:
            return patches
        halves = patches.view(frames, -1, 3, self.patch.frames, self.patch.side**2)
        if frames % 2:
            halves = torch.cat([halves, halves[-1:]])
        return torch.stack([halves[::2, :, :, 0], halves[1::2, :, :, 1]], dim=3).flatten(0, 1).flatten(1)

    def collate(self, samples: list[Tokens], images: list[Image.Image], left: bool = False) -> Batch:
        """Return a padded batch; transformers takes images and videos separately."""
        import torch

        batch = self.padded(samples, left)
        ids = batch["input_ids"]
        batch["mm_token_type_ids"] = (ids == self.image_token_id).int() + 2 * (ids == self.video_token_id).int()
        media = [layout for sample in samples for layout in sample.media]
        made = list(zip(media, self._pixels(images, media), strict=True))
        for kind, names in _NAMES.items():
            if found := [(layout.shape, pixels) for layout, pixels in made if layout.kind == kind]:
                batch[names[0]] = torch.cat([pixels for _, pixels in found])
                batch[names[1]] = torch.tensor([shape for shape, _ in found])
        return batch

    def pack(self, samples: list[Tokens], images: list[list[Image.Image]]) -> Batch:
        """Pack samples into a row, with position_ids [4, 1, T].

        The first of the four counts tokens from 0 in each sample, which tells attention where samples start; the others
        are rotary positions. Videos go through the vision tower as images, so that it takes one call for any row.
        """
        import torch

        pairs = list(zip(samples, images, strict=True))
        media = [layout for sample, _ in pairs for layout in sample.media]
        pixels = self._pixels([image for _, several in pairs for image in several], media)
        if not pixels:
            dummy = Layout("image", (1, self.merge, self.merge), 1, self.merge**2)
            samples = [*samples, Tokens([self.image_token_id], [IGNORE], [dummy])]
            pixels = [torch.zeros(self.merge**2, self.patch_values)]
        input_ids = np.concatenate([np.asarray(sample.input_ids, dtype=np.int64) for sample in samples])
        input_ids[input_ids == self.video_token_id] = self.image_token_id  # image features replace its embedding
        positions = np.concatenate([self._positions(sample) for sample in samples], axis=1)
        return {
            "input_ids": torch.from_numpy(input_ids)[None],
            "position_ids": torch.from_numpy(positions)[:, None],
            "targets": torch.from_numpy(np.concatenate([_targets(sample) for sample in samples])),
            "bounds": np.cumsum([0, *(len(sample.input_ids) for sample in samples)]).tolist(),
            "pixel_values": torch.cat(pixels),
            "image_grid_thw": torch.tensor([layout.shape for sample in samples for layout in sample.media]),
        }

    def _positions(self, sample: Tokens) -> np.ndarray:
        ids = np.asarray(sample.input_ids)
        boxes = [box for layout in sample.media for box in self.boxes(layout)]
        rotary = rotary_positions(np.isin(ids, list(self.visual_ids)), boxes)
        return np.concatenate([np.arange(len(ids))[None], rotary])


_NAMES = {
    "image": ("pixel_values", "image_grid_thw"),
    "video": ("pixel_values_videos", "video_grid_thw"),
}


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def _targets(sample: Tokens) -> np.ndarray:
    return np.append(np.asarray(sample.labels[1:], dtype=np.int64), IGNORE)
