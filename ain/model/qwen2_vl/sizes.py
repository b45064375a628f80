"""Sizes of images in patches. They need the checkpoint's numbers alone: transformers' image processor takes seconds to
import, which tokenize would spend in every process."""

import math
from typing import NamedTuple


class Patches(NamedTuple):
    """side: of a patch in pixels; frames: in one patch of a video; merge: the side, in patches, of a visual token."""

    side: int
    frames: int
    merge: int


def patches_of(checkpoint: str) -> Patches:
    """Read a checkpoint's numbers; those that it lacks are transformers' defaults for Qwen2-VL."""
    from transformers.image_processing_base import ImageProcessingMixin

    given, _ = ImageProcessingMixin.get_image_processor_dict(checkpoint)
    return Patches(given.get("patch_size", 14), given.get("temporal_patch_size", 2), given.get("merge_size", 2))


def resized(height: int, width: int, factor: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """Return (height, width) as multiples of `factor` with an area within the bounds: transformers' `smart_resize`."""
    rows, columns = round(height / factor) * factor, round(width / factor) * factor
    if rows * columns > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        rows = max(factor, math.floor(height / shrink / factor) * factor)
        columns = max(factor, math.floor(width / shrink / factor) * factor)
    elif rows * columns < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        rows, columns = math.ceil(height * grow / factor) * factor, math.ceil(width * grow / factor) * factor
    return rows, columns
