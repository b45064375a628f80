"""Turn images of every mode into RGB, by the rules of docs/data.md."""

import numpy as np
from PIL import Image

_WHOLE = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_PLAIN = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV")
_ALPHA = ("LA", "PA", "RGBA", "La", "RGBa")


class NoColours(Exception):
    """An image cannot be shown as RGB. The message says why."""


def check(image: Image.Image) -> None:
    """Raise NoColours for an image that `rgb` cannot convert."""
    if image.mode not in (*_WHOLE, *_PLAIN, *_ALPHA, "F"):
        raise NoColours(f"mode {image.mode}")
    if image.mode == "F" and not np.isfinite(np.asarray(image)).all():
        raise NoColours("values that are no finite numbers")


def rgb(image: Image.Image) -> Image.Image:
    """Return an image in RGB. Transparency is laid on white, and values of more than 8 bits are rescaled.

    16 bits: 0..65535 become 0..255. 32 bits: the same if they fit into 16, else from lowest to highest. Floats: 0..1 become
    0..255; up to 255 they stay; others are stretched from lowest to highest.
    """
    if image.mode in _WHOLE or image.mode == "F":
        return Image.fromarray(_eight_bits(np.asarray(image)), "L").convert("RGB")
    if image.mode in _ALPHA or "transparency" in image.info:
        upper = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), upper).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f":
        low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (0.0, 255.0) if low >= 0 and high <= 255 else (low, high)
    elif low >= 0 and high <= 65_535:
        low, high = 0.0, 65_535.0
    scaled = (values.astype(np.float32) - low) * (255.0 / ((high - low) or 1.0))
    return np.rint(scaled).clip(0, 255).astype(np.uint8)
