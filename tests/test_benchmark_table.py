"""A benchmark over a table: what becomes of rows, images, labels and wrong settings."""

import json
import sys
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from benchmark_tables import Scorer, png

from ain import UserError
from ain.benchmark.labels import read_labels
from ain.benchmark.table import Table
from ain.storage.images import BadImage
from ain.text.lists import parsed, without_letters

ASKED = {"choice": {"ar": "{question}\n{options}\nأجب بحرف."}, "open": {"ar": "{question}"}}


def small(folder: Path, rows: list[dict[str, Any]], **more: Any) -> Table:
    """Return a benchmark over a JSON file, with columns named as their fields."""
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    fields = {name: name for name in ("options", "labels", "images") if any(name in row for row in rows)}
    return Table("small", str(file), fields | more.pop("fields", {}), more.pop("prompt", ASKED), Scorer(), **more)


def test_iterating_opens_no_image(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    rows = [{"question": f"ما هذا {n}؟", "images": [f"{n}.png", "absent.png" if n == 4 else "0.png"]} for n in range(5)]
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    items = list(small(tmp_path, rows).items())
    assert not [name for name in opened if name.endswith(".png")]
    assert [item.broken for item in items] == [None] * 4 + ["images: no such file: absent.png"]
    assert items[3].images[0]() == png(3)
    assert [Path(name).name for name in opened if name.endswith(".png")] == ["3.png"]


def test_memory_does_not_grow_with_images(tmp_path: Path) -> None:
    """Arrow maps the file: going through 40 MB of images allocates none of them."""
    large = png(1) + b"\0" * 1_000_000
    data = datasets.Dataset.from_list([{"question": str(n), "images": large} for n in range(40)])
    data.save_to_disk(str(tmp_path / "saved"))
    benchmark = Table("large", str(tmp_path / "saved"), {"images": "images"}, ASKED, Scorer())
    before = pa.total_allocated_bytes()
    items = list(benchmark.items())
    assert len(items) == 40
    assert pa.total_allocated_bytes() - before < 1_000_000
    assert items[-1].images[0]() == large


def test_a_damaged_image_says_so_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(png(1)[:60])
    (item,) = small(tmp_path, [{"question": "ما هذا؟", "images": "cut.png"}]).items()
    with pytest.raises(BadImage, match="images: broken image"):
        item.images[0]()


def test_images_stand_where_the_text_names_them(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    names = {f"image_{n}": f"{n}.png" for n in (1, 2, 3)}
    rows = [
        {"question": "قارن <image 3> مع <image 1>.", **names},
        {"question": "أين <image 4>؟", **names},
    ]
    fields = {"images": list(names), "inline": True}
    good, bad = small(tmp_path, rows, fields=fields).items()
    assert good.question == "<image>\nقارن <image> مع <image>."
    assert [load() for load in good.images] == [png(2), png(3), png(1)]
    assert bad.broken == "the question names image 4, and there are 3"


@pytest.mark.parametrize(("frames", "kept"), [("first", [0, 1]), ("spread", [2, 7])])
def test_frames_of_a_video(frames: str, kept: list[int], tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    rows = [{"question": "ماذا يحدث؟", "images": [f"{n}.png" for n in range(10)]}]
    (item,) = small(tmp_path, rows, max_images=2, frames=frames).items()
    assert [load() for load in item.images] == [png(number) for number in kept]


def test_what_cannot_be_asked_stays_and_says_why(tmp_path: Path) -> None:
    rows = [
        {"question": "ما العاصمة؟", "options": "['الرياض', 'جدة'", "labels": "0"},
        {"question": "nan", "options": "['الرياض', 'جدة']", "labels": "0"},
        {"question": "ما العاصمة؟", "options": "['الرياض', 'جدة']", "labels": "7"},
        {"question": "ما العاصمة؟", "options": "", "labels": "0"},
        {"question": "ما العاصمة؟", "options": "['الرياض', 'جدة']", "labels": "0"},
    ]
    choice = {"choice": ASKED["choice"]}
    items = list(small(tmp_path, rows, fields={"label": "index0"}, prompt=choice).items())
    assert [item.broken for item in items] == [
        "options: no list: ['الرياض', 'جدة'",
        "no question",
        "the label 7 names none of 2 options",
        "the label 0 names none of 0 options",
        None,
    ]
    assert items[-1].labels == ("أ",)


def test_labels_may_be_many(tmp_path: Path) -> None:
    rows = [
        {"question": "أين؟", "labels": "['البحر'، 'الشاطئ']", "more": ["شاطئ", "البحر"]},
        {"question": "أين؟", "labels": "البحر", "more": []},
        {"question": "أين؟", "labels": None, "more": [" "]},
    ]
    items = list(small(tmp_path, rows, fields={"labels": ["labels", "more"], "encoded": True}).items())
    assert [item.labels for item in items] == [("البحر", "الشاطئ", "شاطئ"), ("البحر",), ()]
    assert not any(item.broken for item in items)


def test_a_sample_is_always_the_same(tmp_path: Path) -> None:
    rows = [{"question": f"سؤال {n}"} for n in range(50)]
    first = [item.id for item in small(tmp_path, rows, limit=3, sample="first").items()]
    drawn = [item.id for item in small(tmp_path, rows, limit=3).items()]
    assert first == ["0", "1", "2"]
    assert drawn == [item.id for item in small(tmp_path, rows, limit=3).items()] != first
    assert set(drawn) < {item.id for item in small(tmp_path, rows, limit=10).items()}


def test_examples_come_from_their_split_with_answers_as_they_are_to_be_given(tmp_path: Path) -> None:
    def part(name: str) -> datasets.Dataset:
        made = [
            {"Subject": subject, "question": f"{name} {subject} {n}", "A": "نعم", "B": "لا", "answer": "B"}
            for subject in ("فقه", "نحو")
            for n in range(3)
        ]
        return datasets.Dataset.from_list(made)

    datasets.DatasetDict({"test": part("test"), "dev": part("dev")}).save_to_disk(str(tmp_path / "saved"))
    fields = {"options": ["A", "B"], "labels": "answer"}
    shots = {"split": "dev", "count": 2, "by": "Subject"}
    items = list(Table("shots", str(tmp_path / "saved"), fields, ASKED, Scorer(), shots=shots).items())
    assert [turn["question"].split("\n")[0] for turn in items[-1].before] == ["dev نحو 0", "dev نحو 1"]
    assert {turn["answer"] for turn in items[-1].before} == {"ب"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"fields": {"labels": "answr"}}, "benchmark.fields.labels: .* has no column answr; its columns are question"),
        ({"only": {"level": "high"}}, "benchmark.only: .* has no column level"),
        ({"prompt": {**ASKED, "language": "fr"}}, "benchmark.prompt.language=fr: no template; choose one of ar"),
        (
            {"prompt": {**ASKED, "option": "{number}. {option}"}},
            "benchmark.prompt.option=.*: write {letter} and {option}",
        ),
        ({"fields": {"question": "{question"}}, "benchmark.fields.question: no template"),
    ],
)
def test_a_wrong_setting_is_named(words: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        list(small(tmp_path, [{"question": "ما هذا؟"}], **words).items())


def test_a_split_and_a_path_that_are_not_there_are_named(tmp_path: Path) -> None:
    data = datasets.Dataset.from_list([{"question": "ما هذا؟"}])
    datasets.DatasetDict({"train": data}).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(UserError, match=r"benchmark\.split=test: .* has the splits train"):
        list(Table("x", str(tmp_path / "saved"), {}, ASKED, Scorer()).items())
    with pytest.raises(UserError, match=r"benchmark\.path=.*absent: no such file or directory"):
        list(Table("x", str(tmp_path / "absent"), {}, ASKED, Scorer()).items())


@pytest.mark.parametrize("suffix", ["parquet", "csv", "folder"])
def test_files_and_folders_of_tables(suffix: str, tmp_path: Path) -> None:
    data = datasets.Dataset.from_list([{"question": "ما هذا؟", "A": "كلب", "B": None}])
    file = tmp_path / ("test.parquet" if suffix == "folder" else f"rows.{suffix}")
    data.to_csv(file) if suffix == "csv" else data.to_parquet(file)
    path = tmp_path if suffix == "folder" else file
    (item,) = Table("x", str(path), {"options": ["A", "B", "C"]}, ASKED, Scorer(), config="All").items()
    assert item.question == "ما هذا؟\nأ. كلب\nأجب بحرف."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('["a", "b, c"]', ["a", "b, c"]),
        ("['نعم'، 'لا، شكرًا']", ["نعم", "لا، شكرًا"]),
        ("['it\\'s' \"b\"\n 'c']", ["it's", "b", "c"]),
        ("('a', ' ', 3)", ["a", "", "3"]),
        ("None", []),
    ],
)
def test_lists_written_as_text(text: str, found: list[str]) -> None:
    assert parsed(text) == found


def test_lists_split_at_the_arabic_comma() -> None:
    assert parsed("الرياض، جدة", "،") == ["الرياض", "جدة"]
    for text in ("الرياض، جدة", "['a'", "{'a': 1}", "[[1], [2]]", "[" * 100_000):
        with pytest.raises(ValueError, match="list"):
            parsed(text)


def test_letters_that_options_bring_along() -> None:
    assert without_letters(["أ. نعم", "ب. لا"]) == ["نعم", "لا"]
    assert without_letters(["A) 3", "B) 4"]) == ["3", "4"]
    assert without_letters(["د. محمد", "أ. علي"]) == ["د. محمد", "أ. علي"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.json", '{"17": "ب", "18": ["نعم", "أجل"]}'),
        ("labels.jsonl", '{"id": 17, "label": "ب"}\n\n{"id": "18", "labels": ["نعم", "أجل"]}\n'),
        ("labels.csv", "id,label\n17,ب\n18,نعم\n18,أجل\n"),
    ],
)
def test_labels_of_ones_own(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_labels(tmp_path / name) == {"17": ("ب",), "18": ("نعم", "أجل")}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("labels.jsonl", '{"id": 1, "label": "أ"}\n{"id": 2}', "line 2 lacks its id or its label"),
        ("labels.csv", "id;label\n1;أ\n", "line 2 lacks its id or its label"),
        ("labels.json", "[1]", "the file is no JSON object"),
        ("labels.txt", "", "a file that ends with .json, .jsonl or .csv"),
    ],
)
def test_a_file_of_labels_that_cannot_be_read(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        read_labels(tmp_path / name)
