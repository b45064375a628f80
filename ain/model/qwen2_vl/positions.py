"""Rotary positions in Qwen's vision-language models: time, height and width of each token."""

from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A run of visual tokens: frames x rows x columns, and the time interval between two frames."""

    frames: int
    rows: int
    columns: int
    interval: float = 1.0


def rotary_positions(visual: np.ndarray, boxes: list[Box]) -> np.ndarray:
    """Return the positions [3, tokens]. visual [tokens]: whether a token is visual.

    Text advances all three positions together, an image spans a box of its size, and what follows starts after the
    longer side of its frames.
    """
    made = np.zeros((3, len(visual)), dtype=np.int64)
    at = position = 0
    for box in boxes:
        start = at + int(np.argmax(visual[at:]))
        made[:, at:start] = np.arange(position, position + start - at)
        position += start - at
        at = start + box.frames * box.rows * box.columns
        places = np.indices(box[:3]).reshape(3, -1)
        # As in transformers: multiply in single precision and truncate.
        places[0] = (places[0].astype(np.float32) * np.float32(box.interval)).astype(np.int64)
        made[:, start:at] = places + position
        position += max(box.rows, box.columns)
    made[:, at:] = np.arange(position, position + len(visual) - at)
    return made
