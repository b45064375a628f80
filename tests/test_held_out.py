"""benchmark=held_out asks about images that training has not seen, and about videos by their frames."""

from pathlib import Path
from typing import Any

from PIL import Image
from test_languages import collected

from ain.benchmark.held_out import HeldOut
from ain.source.mixture import Mixture
from ain.stages.mix import mix
from ain.stages.select import REFUSED, SCHEMA
from ain.storage.shards import Shards


def test_a_video_is_asked_about_as_its_frames_in_order(tmp_path: Path) -> None:
    (folder := tmp_path / "mine").mkdir()
    asked = ("Before <image> comes <video>. What is first?", "Blue.", "And in <video>?", "Green.")
    spoken = [{"from": who, "value": text} for who, text in zip(("human", "gpt") * 2, asked, strict=True)]
    rows: list[dict[str, Any]] = []
    for i in range(8):
        files = [f"{i}-{number}.png" for number in range(3)]
        for number, name in enumerate(files):
            Image.new("RGB", (60, 40), (20 * i, 80 * number, 90)).save(folder / name)
        rows.append({"id": str(i), "image": files[2], "videos": [files[:2], files[1:2]], "conversations": spoken})
    collected(folder, rows)
    paths = {name: tmp_path / name for name in ("collect", "translate", "select")}
    Shards(paths["select"], SCHEMA, REFUSED).create().write(0, [{"id": row["id"]} for row in rows])
    parts: dict[str, Any] = {"english": {"language": "en", "translate": False}}
    mix({"english": paths}, Mixture(parts, 0.5, "shown"), 0, tmp_path / "mix")

    first, second, *_ = HeldOut().items(tmp_path / "mix")
    assert first.question == "Before <image> comes <image><image>. What is first?"
    assert second.question == "And in <image>?"
    assert second.before == [{"question": first.question, "answer": "Blue."}]
    i = second.id.partition("/")[0]
    assert [load() for load in second.images] == [(folder / f"{i}-{n}.png").read_bytes() for n in (2, 0, 1, 1)]
