"""Images: fully decoded, limited in size, rotated upright, and stored once."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ain.storage.images import BadImage, ImageStore, checked, decode, png


def jpeg(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


RED = Image.new("RGB", (40, 20), "red")


def test_a_store_gives_back_its_images(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    data = png(RED)
    sha, width, height = checked(data)
    with store.writing(0) as shard:
        shard.add(sha, data, width, height)
    reference = ImageStore(tmp_path).index()[sha]
    assert store.image(reference).tobytes() == RED.tobytes()
    assert store.size(reference) == (40, 20)


def test_exif_orientation_is_obeyed() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    data = jpeg(RED, exif=turned)
    assert checked(data)[1:] == (20, 40)
    assert decode(data).size == (20, 40)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_all_modes_become_rgb(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).convert("RGB").convert(mode).save(buffer, "TIFF")
    assert decode(buffer.getvalue()).mode == "RGB"


def test_truncated_files_are_refused() -> None:
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    for data in (jpeg(noise), png(noise)):
        with pytest.raises(BadImage, match="broken image"):
            checked(data[: len(data) // 2])


def test_bombs_and_strange_things_are_refused() -> None:
    with pytest.raises(BadImage, match="more than 100"):
        checked(png(RED), 100)
    with pytest.raises(BadImage, match="known format"):
        checked(b"GIF is what I am not")
    with pytest.raises(BadImage, match="known format"):
        checked(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")


def test_ribbons_are_refused() -> None:
    with pytest.raises(BadImage, match="too narrow"):
        checked(png(Image.new("RGB", (900, 2))))


def saved(image: Image.Image, format: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **settings)
    return file.getvalue()


def images() -> Iterator[tuple[str, bytes, list[tuple[int, int, int]]]]:
    """Yield (name, bytes, the colours of its first pixels)."""
    grey = lambda *values: [(v, v, v) for v in values]  # noqa: E731
    yield "16 bits", saved(Image.fromarray(np.array([[0, 32_896, 65_535]], np.uint16)), "PNG"), grey(0, 128, 255)
    yield "32 bits", saved(Image.fromarray(np.array([[-100, 0, 100]], np.int32)), "TIFF"), grey(0, 128, 255)
    yield "share", saved(Image.fromarray(np.array([[0, 0.5, 1]], np.float32)), "TIFF"), grey(0, 128, 255)
    yield "bytes", saved(Image.fromarray(np.array([[0, 7, 200]], np.float32)), "TIFF"), grey(0, 7, 200)
    yield "floats", saved(Image.fromarray(np.array([[-5, 0, 5]], np.float32)), "TIFF"), grey(0, 128, 255)
    clear = Image.new("RGBA", (3, 1), (255, 0, 0, 0))
    clear.putpixel((1, 0), (255, 0, 0, 255))
    yield "transparent", saved(clear, "PNG"), [(255, 255, 255), (255, 0, 0), (255, 255, 255)]
    palette = Image.new("P", (3, 1), 1)
    palette.putpalette([0, 0, 0, 0, 0, 255])
    yield "palette", saved(palette, "PNG"), [(0, 0, 255)] * 3
    yield "clear palette", saved(palette, "PNG", transparency=1), [(255, 255, 255)] * 3
    frames = [Image.new("RGB", (3, 1), colour) for colour in ("red", "blue")]
    yield "animated", saved(frames[0], "GIF", save_all=True, append_images=frames[1:]), [(255, 0, 0)] * 3
    yield "cmyk", saved(Image.new("CMYK", (3, 1), (0, 255, 255, 0)), "TIFF"), [(255, 0, 0)] * 3


@pytest.mark.parametrize(
    ("name", "data", "colours"), images(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_all_colours_become_rgb_by_a_rule(name: str, data: bytes, colours: list[tuple[int, int, int]]) -> None:
    checked(data)
    assert [decode(data).getpixel((x, 0)) for x in range(3)] == colours


def test_values_without_colour_are_rejected() -> None:
    with pytest.raises(BadImage, match="values that are no finite numbers"):
        checked(saved(Image.fromarray(np.array([[0, np.nan, 1]], np.float32)), "TIFF"))
    with pytest.raises(BadImage, match="mode LAB"):
        checked(saved(Image.new("LAB", (3, 1)), "TIFF"))
