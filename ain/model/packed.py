"""Samples laid end to end in one row, each as if it were alone: no padding, and no attention from one to another.

What keeps them apart are the four rows of position ids that Qwen2-VL takes: the first counts tokens and starts at 0 with
each sample, which is where attention is cut; the others are the rotary positions (time, height, width).
"""

from typing import Any

import numpy as np
import torch
from PIL import Image

from ain.model.processor import IGNORE, Processor, Tokens

Batch = dict[str, Any]
Grid = tuple[int, int, int]


def packed(samples: list[Tokens], images: list[list[Image.Image]], processor: Processor) -> Batch:
    """One row of T tokens: input_ids [1, T], position_ids [4, 1, T], targets [T], pixel_values, image_grid_thw [images, 3].

    targets: the token that follows, where an answer is to be learned, else IGNORE. A row without images gets a blank one
    behind its samples that nothing attends to and no loss is on: so all ranks run the same modules in the same order,
    and parameters that are spread over ranks (ZeRO-3) can be gathered.
    """
    merge = processor.image_processor.merge_size
    grids = [grid for sample in samples for grid in sample.grids]
    pixels = [
        processor.pixels(several, sample.grids, sample.frames)
        for sample, several in zip(samples, images, strict=True)
        if several
    ]
    if not grids:
        samples, grids = [*samples, _blank(processor)], [(1, merge, merge)]
        pixels = [torch.zeros(merge**2, processor.patch_values)]
    input_ids = np.concatenate([np.asarray(sample.input_ids, dtype=np.int64) for sample in samples])
    # A video is an image of several pairs of frames; what its placeholders are called is overwritten by its features.
    input_ids[input_ids == processor.video_token_id] = processor.image_token_id
    positions = np.concatenate([_positions(sample, processor) for sample in samples], axis=1)
    return {
        "input_ids": torch.from_numpy(input_ids)[None],
        "position_ids": torch.from_numpy(positions)[:, None],
        "targets": torch.from_numpy(np.concatenate([_targets(sample) for sample in samples])),
        "pixel_values": torch.cat(pixels),
        "image_grid_thw": torch.tensor(grids),
    }


def _blank(processor: Processor) -> Tokens:
    merge = processor.image_processor.merge_size
    return Tokens([processor.image_token_id], [IGNORE], [(1, merge, merge)])


def _targets(sample: Tokens) -> np.ndarray:
    return np.append(np.asarray(sample.labels[1:], dtype=np.int64), IGNORE)


def _positions(sample: Tokens, processor: Processor) -> np.ndarray:
    ids = np.asarray(sample.input_ids)
    visual = np.isin(ids, (processor.image_token_id, processor.video_token_id))
    rotary = rotary_positions(visual, sample.grids, processor.image_processor.merge_size)
    return np.concatenate([np.arange(len(ids))[None], rotary])


def rotary_positions(visual: np.ndarray, grids: list[Grid], merge: int) -> np.ndarray:
    """Time, height and width of each token [3, tokens], as Qwen2-VL counts them: text goes on in all three at once, a
    image spans a box of its grid's size, and what follows starts behind the longer side of its frames.
    """
    made = np.zeros((3, len(visual)), dtype=np.int64)
    at = position = 0
    for grid in grids:
        start = at + int(np.argmax(visual[at:]))
        made[:, at:start] = np.arange(position, position + start - at)
        position += start - at
        frames, height, width = grid[0], grid[1] // merge, grid[2] // merge
        at = start + frames * height * width
        made[:, start:at] = np.indices((frames, height, width)).reshape(3, -1) + position
        position += max(height, width)
    made[:, at:] = np.arange(position, position + len(visual) - at)
    return made
