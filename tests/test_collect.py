"""User data: both formats, every kind of invalid row, and counts that add up."""

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
from ain.storage.images import ImageStore
from ain.storage.shards import Shards


def turns(*texts: str) -> list[dict[str, str]]:
    return [{"from": "human" if i % 2 == 0 else "gpt", "value": text} for i, text in enumerate(texts)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    path.mkdir()
    Image.new("RGB", (60, 40), "blue").save(path / "blue.png")
    Image.new("RGB", (60, 40), "green").save(path / "green.jpg")
    (path / "broken.png").write_bytes((path / "blue.png").read_bytes()[:60])
    return path


def run(source: Any, out: Path) -> tuple[dict[str, Any], dict[str, list[str]], list[dict[str, Any]]]:
    """Return (counts, id or place → reasons, kept records)."""
    counts = collect(source, out)
    shards = Shards(out)
    return (
        counts,
        {row["id"] or row["where"]: row["reasons"] for row in shards.rows(part="rejected")},
        list(shards.rows()),
    )


LLAVA = [
    {"id": "ok", "image": "blue.png", "conversations": turns("<image>\nWhat colour?", "Blue.", "Sure?", "Yes.")},
    {"id": "bare", "image": "blue.png", "conversations": turns("What colour?", "Blue.")},
    {"id": "text", "conversations": turns("Why?", "Because.")},
    {
        "id": "two",
        "image": ["blue.png", "green.jpg"],
        "conversations": turns("<image><image>\nDo they differ?", "Yes."),
    },
    {"id": "arabic", "image": "green.jpg", "conversations": turns("<image>\nما اللون؟", "أخضر")},
    {"id": "missing", "image": "gone.png", "conversations": turns("<image>\nWhat?", "It.")},
    {"id": "broken", "image": "broken.png", "conversations": turns("<image>\nWhat?", "It.")},
    {"id": "mute", "image": "blue.png", "conversations": turns("<image>\n", "It.")},
    {"id": "role", "conversations": [{"from": "alien", "value": "Hi"}]},
    {"id": "ok", "conversations": turns("Again?", "Again.")},
    {"id": "hole", "conversations": turns("<image>\nWhat?", "It.")},
    {"id": "open", "conversations": turns("What?")},
    {"id": "odd", "conversations": turns("What?", "It.")[::-1]},
    {"id": "none"},
    {"id": "special", "conversations": turns("What is <|image_pad|>?", "It.")},
    {"id": "empty", "conversations": turns("What?", " ")},
    {"id": "answer", "image": "blue.png", "conversations": turns("What?", "<image>")},
    {"id": "many", "image": ["blue.png", "green.jpg"], "conversations": turns("<image>\nWhat?", "It.")},
    "not an object",
    {"id": "long", "image": "x" * 5_000, "conversations": turns("<image>\nWhat?", "It.")},
    {"id": "inside", "image": "blue.png/x.png", "conversations": turns("<image>\nWhat?", "It.")},
    {"id": "object", "conversations": turns("What is \ufffc?", "It.")},
]
REASONS = {
    "missing": "image not found",
    "broken": "broken image",
    "mute": "no question",
    "role": "unknown role: alien",
    "ok": "duplicate id: ok",
    "hole": "placeholder without an image: 1 placeholders, 0 images",
    "open": "no answer to the last question",
    "odd": "questions and answers do not alternate",
    "none": "none of the expected keys: conversations, messages",
    "special": "special token in the text: <|image_pad|>",
    "empty": "empty answer",
    "answer": "placeholder in an answer",
    "many": "2 images, but 1 placeholders",
    "data.json, row 19": "no object: not an object",
    "long": "image not found: ",
    "inside": "image not found: ",
    "object": "special token in the text",
}


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_llava_rows_are_kept_or_rejected_with_a_reason(folder: Path, tmp_path: Path, suffix: str) -> None:
    text = json.dumps(LLAVA) if suffix == "json" else "\n".join(json.dumps(row) for row in LLAVA)
    (folder / f"data.{suffix}").write_text(text, encoding="utf-8")
    counts, rejected, kept = run(Folder(str(folder)), tmp_path / "out")
    added = {"a missing <image> before the first question": 1}
    languages = {"en": 4, "ar": 1}
    assert counts == {"input": 22, "kept": 5, "rejected": 17, "images": 2, "languages": languages, "added": added}
    assert {identifier.replace("jsonl", "json"): True for identifier in rejected} == dict.fromkeys(REASONS, True)
    for identifier, reason in REASONS.items():
        assert rejected.get(identifier, rejected.get(identifier.replace("json", "jsonl")))[0].startswith(reason)  # type: ignore[index]
    by_id = {row["id"]: row for row in kept}
    assert by_id["bare"]["turns"] == [{"question": "<image>\nWhat colour?", "answer": "Blue."}]
    assert [turn["answer"] for turn in by_id["ok"]["turns"]] == ["Blue.", "Yes."]
    assert [by_id[name]["language"] for name in ("bare", "arabic")] == ["en", "ar"]
    assert [medium["kind"] for medium in by_id["two"]["media"]] == ["image", "image"]
    assert by_id["arabic"]["origin"] == "authentic"
    assert len(ImageStore(tmp_path / "out").index()) == 2


def test_half_a_character_is_no_text(folder: Path, tmp_path: Path) -> None:
    row = {"id": "half", "conversations": turns("What is \ud83d?", "It.")}
    (folder / "data.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(LLAVA[0]))
    _, rejected, _ = run(Folder(str(folder)), tmp_path / "out")
    assert rejected == {"half": ["half a character in the text (a lone surrogate)"]}


def test_a_byte_order_mark_is_no_content(folder: Path, tmp_path: Path) -> None:
    for name, text in (("a.json", json.dumps(LLAVA[:1])), ("b.jsonl", json.dumps(LLAVA[2]))):
        (folder / name).write_text(text, encoding="utf-8-sig")
    counts, _, _ = run(Folder(str(folder)), tmp_path / "out")
    assert counts["kept"] == 2


def test_messages_rows(folder: Path, tmp_path: Path) -> None:
    rows = [
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "<image>What?"},
                {"role": "assistant", "content": "Blue."},
            ],
            "images": ["blue.png"],
        },
        {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]},
        {"messages": [{"role": "tool", "content": "x"}]},
    ]
    (folder / "data.json").write_text(json.dumps(rows))
    (folder / "dataset_info.json").write_text("{}")
    counts, rejected, kept = run(Folder(str(folder), format="messages"), tmp_path / "out")
    assert (counts["kept"], counts["rejected"]) == (2, 1)
    assert rejected == {"data.json, row 3": ["unknown role: tool"]}
    assert kept[0]["turns"][0]["question"] == "Be brief.\n<image>What?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "no JSON"),
        ('[{"id": 1}, ', "broken JSON"),
        ("{broken}\n", "malformed JSON"),
        ('{\n "id": 1\n}', "an object over several lines"),
        ("", "no JSON"),
        ("[]", "it has no rows"),
    ],
)
def test_a_file_that_is_no_json_ends_the_run(folder: Path, tmp_path: Path, text: str, said: str) -> None:
    (folder / "data.json").write_text(text)
    with pytest.raises(UserError, match=said):
        collect(Folder(str(folder)), tmp_path / "out")


def test_a_malformed_line_is_one_rejection(folder: Path, tmp_path: Path) -> None:
    good = json.dumps({"id": "a", "conversations": turns("What?", "It.")})
    (folder / "data.jsonl").write_text(f"{good}\n{{broken\n")
    counts, rejected, _ = run(Folder(str(folder)), tmp_path / "out")
    assert (counts["kept"], counts["rejected"]) == (1, 1)
    assert next(iter(rejected.values()))[0].startswith("malformed JSON")


def test_limit_and_wrong_folders(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.json or \.jsonl file"):
        collect(Folder(str(folder)), tmp_path / "out")
    (folder / "data.json").write_text(json.dumps(LLAVA))
    assert run(Folder(str(folder), limit=3), tmp_path / "limited")[0]["input"] == 3


def test_a_domain_is_no_name_of_a_row(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables have a row for each domain, and later stages hold a count for each."""
    monkeypatch.setattr("ain.stages.collect.DOMAINS", 3)
    rows = [{"id": str(i), "domain": f"row-{i}", "conversations": turns("Why?", "Because.")} for i in range(4)]
    (folder / "data.json").write_text(json.dumps(rows[:3]))
    assert run(Folder(str(folder)), tmp_path / "three")[0]["kept"] == 3
    (folder / "data.json").write_text(json.dumps(rows))
    with pytest.raises(UserError, match="more than 3 different domains"):
        run(Folder(str(folder)), tmp_path / "four")


def test_nothing_usable_says_why(folder: Path, tmp_path: Path) -> None:
    (folder / "data.json").write_text(json.dumps([{"id": 1, "conversations": []}]))
    with pytest.raises(UserError, match=r"no usable record: no conversation \(1\)"):
        collect(Folder(str(folder)), tmp_path / "out")


def image_part(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("how", ["saved", "parquet"])
def test_a_hub_data_set_with_its_own_columns(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows = {
        "nr": [1, 2, 3],
        "pic": [{"bytes": image_part("red")}, {"bytes": b"no image"}, None],
        "ask": ["What?", "What?", "Why?"],
        "say": ["Red.", "It.", "So."],
    }
    features = datasets.Features(
        {
            "nr": datasets.Value("int64"),
            "pic": datasets.Image(),
            "ask": datasets.Value("string"),
            "say": datasets.Value("string"),
        }
    )
    table = datasets.Dataset.from_dict(rows, features=features)
    path = tmp_path / "data"
    if how == "saved":
        table.save_to_disk(path)
    else:
        path.mkdir()
        table.to_parquet(path / "train.parquet")
    columns = {"id": "nr", "image": "pic", "question": "ask", "answer": "say", "conversations": None}
    counts, rejected, kept = run(Hub(str(path), columns), tmp_path / "out")
    assert (counts["input"], counts["kept"], counts["rejected"]) == (3, 2, 1)
    assert rejected["2"][0].startswith("no image in a known format")
    assert kept[0]["turns"] == [{"question": "<image>\nWhat?", "answer": "Red."}]
    assert kept[1]["media"] == []
    with pytest.raises(UserError, match="has no column asked; choose among nr, pic, ask, say"):
        collect(Hub(str(path), {**columns, "question": "asked"}), tmp_path / "other")


def test_a_hub_data_set_with_several_images_a_row(tmp_path: Path) -> None:
    """Images are a list, as in most multi-image datasets; the dataset is saved with all its splits."""
    rows = {
        "id": [0, 1],
        "images": [[{"bytes": image_part("red")}, {"bytes": image_part("blue")}], []],
        "q": ["Same?", "Why?"],
    }
    features = {"id": datasets.Value("int64"), "images": datasets.List(datasets.Image()), "q": datasets.Value("string")}
    table = datasets.Dataset.from_dict(
        {**rows, "a": ["No.", "So."]}, features=datasets.Features({**features, "a": features["q"]})
    )
    datasets.DatasetDict({"train": table, "test": table}).save_to_disk(tmp_path / "data")
    columns = {"id": "id", "images": "images", "question": "q", "answer": "a"}
    counts, _, kept = run(Hub(str(tmp_path / "data"), columns, split="test"), tmp_path / "out")
    assert counts["kept"] == 2
    assert kept[0]["id"] == "0"
    assert kept[0]["turns"][0]["question"] == "<image><image>\nSame?"
    assert len(kept[0]["media"]) == 2


def test_a_hub_that_cannot_be_reached_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be loaded"):
        collect(Hub(str(tmp_path / "nowhere"), {"question": "q"}), tmp_path / "out")
