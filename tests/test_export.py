"""`ain export`: other trainers' formats, which the folder source reads back as the same records."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import ain
from PIL import Image
from test_pipeline import Stages

from ain import UserError
from ain.source.folder import Folder
from ain.source.folder_writer import write_folder
from ain.stages import mix as mixing
from ain.stages.collect import collect
from ain.storage.images import png
from ain.storage.manifest import read_manifest
from ain.storage.shards import Shards

SAME = ("id", "domain", "language", "turns")


def read_back(folder: Path, out: Path) -> dict[str, Any]:
    assert collect(Folder(str(folder)), out)["rejected"] == 0
    return {row["id"]: row for row in Shards(out).rows()}


@pytest.mark.parametrize("format", ["llava", "llamafactory"])
def test_a_mixture_comes_back_as_it_was(pico: Path, tmp_path: Path, stages: Stages, format: str) -> None:
    (mix,), folder = stages(pico)["mix"], tmp_path / "out"
    result = ain("export", str(mix), "--to", format, "--out", str(folder))
    assert (result.returncode, result.stdout.strip()) == (0, str(folder)), result.stderr
    found = read_back(folder, tmp_path / "collected")
    expected = list(Shards(mix, mixing.SCHEMA).rows())
    assert {name: [found[name][key] for key in SAME] for name in found} == {
        row["id"]: [row[key] for key in SAME] for row in expected
    }
    collected = {row["id"]: row["media"] for row in Shards(stages(pico)["collect"][0]).rows()}
    assert all(row["media"] == collected[name.split("/")[0]] for name, row in found.items())
    if format == "llamafactory":
        info = json.loads((folder / "dataset_info.json").read_text())["ain"]
        assert set(info["columns"]) == {"messages", "images"}
        assert (folder / info["file_name"]).exists()


def test_select_gives_what_it_kept_in_translation(pico: Path, tmp_path: Path, stages: Stages) -> None:
    (select,), (translate,) = stages(pico)["select"], stages(pico)["translate"]
    assert ain("export", str(select), "--to", "llava", "--out", str(tmp_path / "out")).returncode == 0
    found = read_back(tmp_path / "out", tmp_path / "collected")
    assert len(found) == read_manifest(select)["counts"]["kept"]
    translated = {row["id"]: row["turns"] for row in Shards(translate).rows(["id", "turns"]) if row["turns"]}
    assert translated
    assert all(found[name]["turns"] == turns for name, turns in translated.items() if name in found)


def test_a_job_names_its_last_data(pico: Path, tmp_path: Path, stages: Stages) -> None:
    job = next((pico / "runs").glob("*/job.json")).parent.name
    result = ain("export", job, f"output_dir={pico}", "--to", "llava", "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    assert len(json.loads((tmp_path / "out" / "data.json").read_text())) == Shards(stages(pico)["mix"][0]).count()


def test_videos_and_references_come_back(tmp_path: Path) -> None:
    images = {name: png(Image.new("RGB", (40, 40), color)) for name, color in (("a", "red"), ("b", "blue"))}
    media = [
        {"kind": "video", "images": ["a", "b"], "fps": 2.0},
        {"kind": "image", "images": ["b"], "fps": None},
    ]
    turns = [{"question": "<video>What?<image>", "answer": "This."}]
    references = [{"language": "ar", "turns": [{"question": "<video>ماذا؟<image>", "answer": "هذا."}]}]
    row = {"id": "1", "domain": "d", "language": "en", "media": media, "turns": turns, "references": references}
    for format in ("llava", "llamafactory"):
        write_folder([(row, images.__getitem__)], tmp_path / format, format)  # type: ignore[arg-type]
        found = read_back(tmp_path / format, tmp_path / f"{format}-collected")["1"]
        assert [found[name] for name in ("turns", "references")] == [turns, references]
        assert [(one["kind"], len(one["images"]), one["fps"]) for one in found["media"]] == [
            ("video", 2, 2.0),
            ("image", 1, None),
        ]


def test_a_failed_export_leaves_nothing(tmp_path: Path) -> None:
    def image(name: str) -> bytes:
        raise OSError(28, "No space left on device")

    row = {"id": "1", "media": [{"kind": "image", "images": ["a"], "fps": None}], "turns": []}
    with pytest.raises(OSError, match="No space left"):
        write_folder([(row, image)], tmp_path / "out", "llava")
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        write_folder([], tmp_path, "llava")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nope --to llava --out x", "ain: nope: no finished stage and no job; give select or mix's directory"),
        ("nope --to other --out x", "ain: export: argument --to: invalid choice"),
        ("nope --to llava", "ain: export: the following arguments are required: --out"),
    ],
)
def test_mistakes_get_one_sentence(words: str, said: str) -> None:
    result = ain("export", *words.split())
    assert result.returncode != 0
    assert said in result.stderr
    assert "Traceback" not in result.stderr
