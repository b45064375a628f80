"""Rotary positions as Qwen's vision-language models count them: time, height and width of each token."""

from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A run of visual tokens: frames x rows x columns of them, and how far apart in time two frames are."""

    frames: int
    rows: int
    columns: int
    interval: float = 1.0


def rotary_positions(visual: np.ndarray, boxes: list[Box]) -> np.ndarray:
    """[3, tokens], for tokens that are visual or not [tokens].

    Text goes on in all three at once, an image spans a box of its size, and what follows starts behind the longer side of
    its frames.
    """
    made = np.zeros((3, len(visual)), dtype=np.int64)
    at = position = 0
    for box in boxes:
        start = at + int(np.argmax(visual[at:]))
        made[:, at:start] = np.arange(position, position + start - at)
        position += start - at
        at = start + box.frames * box.rows * box.columns
        places = np.indices(box[:3]).reshape(3, -1)
        # transformers multiplies in single precision and cuts off the fraction.
        places[0] = (places[0].astype(np.float32) * np.float32(box.interval)).astype(np.int64)
        made[:, start:at] = places + position
        position += max(box.rows, box.columns)
    made[:, at:] = np.arange(position, position + len(visual) - at)
    return made
