"""The same data from a folder, a saved data set, Parquet files and a directory as the hub keeps it; what rows may hold."""

import io
import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from PIL import Image

from ain import UserError
from ain.source.folder import Folder
from ain.source.hub import Hub
from ain.stages.collect import collect
from ain.storage.shards import Shards

Row = dict[str, Any]


def picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    path.mkdir()
    for colour in ("red", "blue"):
        (path / f"{colour}.png").write_bytes(picture(colour))
    return path


def collected(source: Any, out: Path) -> tuple[Row, list[Row], list[list[str]]]:
    """Return (counts, records without the source's name, reasons of the rejected rows)."""
    counts = collect(source, out)
    rows = [{**row, "source": None} for row in Shards(out).rows()]
    return counts, rows, [row["reasons"] for row in Shards(out).rows(part="rejected")]


def write(folder: Path, *rows: Row) -> Folder:
    (folder / "data.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return Folder(str(folder))


def asked(question: Any, answer: Any) -> list[Row]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


ARABIC = asked("<image>ما اللون؟", "أحمر.")
ROWS: list[Row] = [
    {
        "id": "a",
        "images": ["red.png"],
        "messages": asked("<image>What colour?", "Red."),
        "domain": "vqa",
        "references": {"ar": ARABIC},
    },
    {"id": "b", "images": ["blue.png", "red.png"], "messages": asked("Do they differ?", "Yes."), "domain": "ocr"},
    {"id": "c", "images": [], "messages": asked("<video>What moves?", "Nothing."), "videos": [["red.png", "blue.png"]]},
    {"id": "d", "images": [], "messages": asked("Why?", "So."), "language": "en"},
]


def dataset(folder: Path) -> datasets.Dataset:
    def opened(name: str) -> Row:
        return {"bytes": (folder / name).read_bytes(), "path": None}

    rows = [
        {
            **dict.fromkeys(("domain", "references", "language")),
            **row,
            "images": [opened(name) for name in row["images"]],
            "videos": [[opened(name) for name in video] for video in row.get("videos", [])],
            "unread": picture("green"),
        }
        for row in ROWS
    ]
    text = datasets.Value("string")
    messages = datasets.List({"role": text, "content": text})
    features = {
        "id": text,
        "images": datasets.List(datasets.Image()),
        "videos": datasets.List(datasets.List(datasets.Image())),
        "messages": messages,
        "references": {"ar": messages, "de": messages},
        "unread": datasets.Value("binary"),
        **dict.fromkeys(("domain", "language"), text),
    }
    return datasets.Dataset.from_list(rows, features=datasets.Features(features))


def test_the_same_data_are_the_same_records_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    counts, wanted, rejected = collected(write(folder, *ROWS), tmp_path / "folder")
    assert (counts["kept"], rejected) == (4, [])
    assert [medium["kind"] for row in wanted for medium in row["media"]] == ["image", "image", "image", "video"]
    assert wanted[0]["references"] == [
        {"language": "ar", "turns": [{"question": "<image>ما اللون؟", "answer": "أحمر."}]}
    ]
    data = dataset(folder)
    data.save_to_disk(tmp_path / "saved")
    (tmp_path / "parquet").mkdir()
    data.to_parquet(tmp_path / "parquet" / "train.parquet")
    hub = tmp_path / "hub"  # as the hub keeps it: files by split in a folder, named by a card
    (hub / "data").mkdir(parents=True)
    data.to_parquet(hub / "data" / "part-0.parquet")
    card = "configs:\n- config_name: main\n  data_files:\n  - split: train\n    path: data/*.parquet\n"
    (hub / "README.md").write_text(f"---\n{card}---\n")
    for name in ("saved", "parquet", "hub"):
        again, rows, rejected = collected(Hub(str(tmp_path / name), {}), tmp_path / f"from-{name}")
        assert rejected == []
        assert rows == wanted, name
        assert again == counts


def test_a_limit_reads_no_further(tmp_path: Path) -> None:
    """The second file is broken: who reads it fails."""
    path = tmp_path / "data"
    path.mkdir()
    rows = {"question": ["What?"] * 5, "answer": ["It."] * 5}
    datasets.Dataset.from_dict(rows).to_parquet(path / "train-0.parquet")
    (path / "train-1.parquet").write_bytes(b"broken")
    counts, rows_, _ = collected(Hub(str(path), {}, limit=3), tmp_path / "out")
    assert counts["kept"] == 3
    assert [row["id"] for row in rows_] == ["train, row 1", "train, row 2", "train, row 3"]


def test_a_missing_column_is_asked_for_by_the_words_to_type(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "data"
    dataset(folder).rename_columns({"messages": "talk", "images": "pics"}).save_to_disk(path)
    with pytest.raises(
        UserError, match=r"add source\.columns\.question=COLUMN .*source\.columns\.conversations=COLUMN"
    ):
        collect(Hub(str(path), {}), tmp_path / "out")
    with pytest.raises(UserError, match=r"add source\.columns\.image=pics, or source\.columns\.image=null"):
        collect(Hub(str(path), {"conversations": "talk"}), tmp_path / "out")
    with pytest.raises(
        UserError,
        match=r"source\.columns\.id=nr: .* has no column nr; choose among domain, references, language, id, pics",
    ):
        collect(Hub(str(path), {"conversations": "talk", "images": "pics", "id": "nr"}), tmp_path / "out")
    with pytest.raises(UserError, match=r"source\.path=\./gone: cannot be loaded, because there is no such directory"):
        collect(Hub("./gone", {}), tmp_path / "out")


@pytest.mark.parametrize(
    ("messages", "turn"),
    [
        (asked([{"type": "image"}, {"type": "text", "text": "What?"}], "Red."), ("<image>What?", "Red.")),
        (asked([{"type": "image", "image": "red.png"}, "What?"], [{"type": "text", "text": "Red."}]), None),
        (asked("<image>How many?", 3), ("<image>How many?", "3")),
        (asked("<image>How many?", 0.5), ("<image>How many?", "0.5")),
        (asked("<image>What?", ["Red."]), ("<image>What?", "Red.")),
    ],
)
def test_content_may_be_parts_or_numbers(folder: Path, tmp_path: Path, messages: Any, turn: Any) -> None:
    """An image may be in the row or in the part itself."""
    row = {"messages": messages, **({"images": ["red.png"]} if turn else {})}
    _, rows, rejected = collected(write(folder, row), tmp_path / "out")
    assert rejected == []
    question, answer = turn or ("<image>What?", "Red.")
    assert rows[0]["turns"] == [{"question": question, "answer": answer}]
    assert len(rows[0]["media"]) == 1


URL = "https://example.org/cat.png"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            {"images": [URL], "messages": asked("<image>What?", "It.")},
            f"image given by URL, which is not downloaded: {URL}",
        ),
        (
            {
                "messages": asked(
                    [{"type": "image_url", "image_url": {"url": URL}}, {"type": "text", "text": "?"}], "It."
                )
            },
            f"image given by URL, which is not downloaded: {URL}",
        ),
        (
            {"messages": asked([{"type": "audio"}], "It.")},
            "a message of user has a part that is neither text nor image: audio",
        ),
        ({"messages": asked("What?", ["yes", "no"])}, "a message of assistant has 2 texts: expected one"),
        ({"messages": asked("What?", True)}, "a message of assistant has no text"),
    ],
)
def test_what_cannot_be_read_is_rejected_by_name(folder: Path, tmp_path: Path, row: Row, reason: str) -> None:
    _, _, rejected = collected(write(folder, row, {"messages": asked("Why?", "So.")}), tmp_path / "out")
    assert rejected == [[reason]]


def test_what_is_added_is_counted(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system = [{"role": "system", "content": "Be brief."}]
    rows = [
        {"messages": [*system, *asked("What?", "Red.")], "images": ["red.png"]},
        {"messages": asked("What?", "Red."), "images": ["red.png"]},
        {"messages": [*system, *asked("What?", "Red.")], "images": ["gone.png"]},
    ]
    counts, _, _ = collected(write(folder, *rows), tmp_path / "out")
    image, prompt = "a missing <image> before the first question", "the system prompt before the first question"
    assert counts["added"] == {image: 2, prompt: 1}
    assert capsys.readouterr().err.count(f"2 of 2 records got {image}") == 1
    again, _, _ = collected(write(folder, *rows), tmp_path / "out")
    assert again == counts


def test_llama_factorys_own_list_of_data_sets(folder: Path, tmp_path: Path) -> None:
    info = {
        "talks": {
            "file_name": "sub/talks.json",
            "formatting": "sharegpt",
            "columns": {"messages": "talk", "images": "pics", "system": "sys"},
            "tags": {"role_tag": "who", "content_tag": "said", "user_tag": "me", "assistant_tag": "it"},
        },
        "orders": {"file_name": "orders.json", "columns": {"history": "before"}},
        "far": {"hf_hub_url": "org/name"},
        "gone": {"file_name": "gone.json"},
    }
    talk = [{"who": "me", "said": "<image>What?"}, {"who": "it", "said": "Red."}]
    order = {"instruction": "Add.", "input": "1 2", "output": "3", "before": [["Hi", "Hello."]]}
    (folder / "sub").mkdir()
    (folder / "dataset_info.json").write_text(json.dumps(info))
    (folder / "sub" / "talks.json").write_text(json.dumps([{"talk": talk, "pics": ["red.png"], "sys": "Be brief."}]))
    (folder / "orders.json").write_text(json.dumps([order]))
    _, rows, rejected = collected(Folder(str(folder)), tmp_path / "out")
    assert rejected == []
    assert [(row["id"], row["turns"]) for row in rows] == [
        (
            "orders.json, row 1",
            [{"question": "Hi", "answer": "Hello."}, {"question": "Add.\n1 2", "answer": "3"}],
        ),
        ("sub/talks.json, row 1", [{"question": "Be brief.\n<image>What?", "answer": "Red."}]),
    ]
    assert len(rows[1]["media"]) == 1
