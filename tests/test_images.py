"""Images: fully decoded, limited in size, rotated upright, and stored once."""

import io
from pathlib import Path

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
