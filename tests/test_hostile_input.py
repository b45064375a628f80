"""No input ends or poisons a run: one bad row is one rejection, whatever it holds, and the good rows beside it are kept."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import datasets
import hostile
import pytest
from PIL import Image

from ain.source.folder import Folder
from ain.source.hub import Hub
from ain.stages.collect import collect
from ain.storage.shards import Shards

GOOD = json.dumps(hostile.good("good"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    path.mkdir()
    Image.new("RGB", (30, 20), "blue").save(path / "a.png")
    os.mkfifo(path / "fifo.png")
    (path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "secret.png").write_bytes((path / "a.png").read_bytes())
    (path / "link.png").symlink_to(tmp_path / "secret.png")
    return path


def collected(source: Any, out: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Return (ids of kept records, rejections), after a check that the counts add up."""
    counts = collect(source, out)
    kept = [row["id"] for row in Shards(out).rows()]
    rejected = list(Shards(out).rows(part="rejected"))
    assert (counts["input"], counts["kept"], counts["rejected"]) == (
        len(kept) + len(rejected),
        len(kept),
        len(rejected),
    )
    return kept, rejected


def reason(folder: Path, out: Path, text: str | bytes, name: str = "data.jsonl", **settings: Any) -> str:
    """Return why a row is rejected that stands before a good row, which must be kept."""
    data = text.encode() if isinstance(text, str) else text
    lines = name.endswith("l")
    (folder / name).write_bytes(data + b"\n" + GOOD.encode() if lines else b"[" + data + b", " + GOOD.encode() + b"]")
    kept, rejected = collected(Folder(str(folder), **settings), out)
    assert kept == ["good"]
    assert len(rejected) == 1
    assert rejected[0]["where"] == f"{name}, row 1"
    return str(rejected[0]["reasons"][0])


def row(**changes: str) -> str:
    """Return a row's JSON with some values replaced by JSON texts."""
    made = {
        "id": '"bad"',
        "conversations": json.dumps(hostile.good("bad")["conversations"]),
        "image": '"a.png"',
    } | changes
    return "{" + ", ".join(f'"{key}": {value}' for key, value in made.items()) + "}"


def said(role: str = '"human"', text: str = '"<image>What?"') -> str:
    return row(conversations=f'[{{"from": {role}, "value": {text}}}, {{"from": "gpt", "value": "It."}}]')


@pytest.mark.parametrize("name", ["data.json", "data.jsonl"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (said(role='["human"]'), "unknown role: a list"),
        (said(role=r'"\ud83d"'), r"unknown role: \ud83d"),
        (said(text=r'"<image>\u0000"'), "a null character in the text"),
        (row(id=r'"\ud83d"'), "half a character in the id"),
        (row(domain=r'"\ud83d"'), "half a character in the domain"),
        (row(id="[1]"), "id: expected a short text, found a list"),
        (r'"\ud83d"', r"no object: \ud83d"),
        (said()[:-1] + r', "\ud83d": 1, "\ud83d": 2}', r"malformed JSON: the key \ud83d is given twice"),
        (row(references=r'{"\ud83d": [1]}'), r"references: unknown language: \ud83d"),
        (row(language="[1]"), "unknown language: a list"),
        (row(image="[" * 100_000 + "]" * 100_000), "malformed JSON: nested too deeply"),
        (row(image="[" * 800 + "]" * 800), "image is no path: a list"),
        (row(id="7" * 5_000), "malformed JSON: a number of thousands of digits"),
        (said(text="NaN"), "malformed JSON: NaN is no number"),
        (said(text="1e999"), "malformed JSON: 1e999 is no number"),
        (row(fps="1" + "0" * 400, videos='[["a.png"]]'), "fps: expected a number"),
        (row(image='["a.png"' + ', "a.png"' * 2_000 + "]"), "2,001 images; the limit is source.max_images"),
        (said(text='"<image>' + "a" * 60_000 + '"'), "texts of 60,010 characters; the limit is source.max_chars"),
        ('{"id": 1 "x": 2}', "malformed JSON: Expecting ',' delimiter"),
        (said(text='"<image>Qu\xe9?"').encode("latin-1"), "not in UTF-8 (byte 0xe9); save the file as UTF-8"),
        (row(image=f'"{"x" * 2_000_000}"'), "a row of more than 1 MB; the limit is source.max_line_mb"),
    ],
)  # fmt: skip
def test_a_bad_row_is_one_rejection(folder: Path, tmp_path: Path, name: str, text: str | bytes, expected: str) -> None:
    assert reason(folder, tmp_path / "out", text, name, max_line_mb=1).startswith(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../secret.png", "file outside the folder: ../secret.png; move it there, or set source.outside=true"),
        ("/etc/passwd", "file outside the folder: /etc/passwd"),
        ("link.png", "file outside the folder: link.png"),
        ("zero.png", "file outside the folder: zero.png"),
        ("fifo.png", "image cannot be read (no regular file)"),
        (".", "file outside the folder: ."),
        ("big.png", "image file of more than 0.01 MB; the limit is source.max_image_mb"),
        ("wide.png", "image of 100000 x 1 pixels: too narrow"),
        ("bomb.png", "image of 8000 x 8000 pixels: more than 1,000,000; the limit is source.max_pixels"),
        ("\\u0000.png", "image not found: embedded null byte"),
    ],
)  # fmt: skip
def test_an_image_that_may_not_be_read(folder: Path, tmp_path: Path, name: str, expected: str) -> None:
    with open(folder / "big.png", "wb") as file:
        file.truncate(10**12)
    Image.new("1", (100_000, 1)).save(folder / "wide.png")
    Image.new("1", (8_000, 8_000)).save(folder / "bomb.png")
    found = reason(folder, tmp_path / "out", row(image=f'"{name}"'), max_image_mb=0.01, max_pixels=1_000_000)
    assert found.startswith(expected)


def test_files_outside_are_read_where_that_is_allowed(folder: Path, tmp_path: Path) -> None:
    rows = [
        row(id=f'"{i}"', image=json.dumps(name)) for i, name in enumerate(["../secret.png", "link.png", "zero.png"])
    ]
    (folder / "data.jsonl").write_text("\n".join(rows))
    kept, rejected = collected(Folder(str(folder), outside=True), tmp_path / "out")
    assert kept == ["0", "1"]
    assert rejected[0]["reasons"][0].startswith("image cannot be read (no regular file)")


def test_paths_of_a_table_are_no_way_out(folder: Path, tmp_path: Path) -> None:
    names = [
        "a.png",
        "../secret.png",
        "file:///etc/passwd",
        "zip://a.png::/etc/passwd",
        "fifo.png",
        "hf://datasets/x/y/a.png",
    ]
    rows = {"image": names, "question": ["What?"] * 6, "answer": ["It."] * 6}
    datasets.Dataset.from_dict(rows).to_parquet(folder / "train.parquet")
    kept, rejected = collected(Hub(str(folder), {}), tmp_path / "out")
    assert kept == ["train, row 1"]
    starts = [
        "file outside the folder",
        *["file outside the data set"] * 2,
        "image cannot be read",
        "file outside the data",
    ]
    assert all(one["reasons"][0].startswith(start) for one, start in zip(rejected, starts, strict=True))


def test_files_that_are_none_cost_no_other_file(folder: Path, tmp_path: Path) -> None:
    (folder / "data.json").write_text(f"[{GOOD}]")
    (folder / "directory.json").mkdir()
    (folder / "gone.json").symlink_to("nowhere")
    (folder / "round.json").symlink_to("round.json")
    (folder / "text.json").write_text("hello")
    os.mkfifo(folder / "wait.json")
    with open(os.fsencode(folder) + b"/\xe9.json", "w") as file:
        file.write(f"[{row(id='null')}]")
    kept, rejected = collected(Folder(str(folder)), tmp_path / "out")
    assert kept == ["good", "\\udce9.json, row 1"]
    assert [one["where"].split(".")[0] for one in rejected] == ["directory", "gone", "round", "text", "wait"]
    assert len(Folder(str(folder)).digest()) == 12


@pytest.mark.parametrize(
    ("text", "kept", "said"),
    [
        (f"[{GOOD}, {{]", 1, "] closes nothing; nothing after it in this file is read"),
        (f"[{GOOD}, ", 1, "the file ends within the list"),
        (f'[{GOOD}, {{"id": "', 1, "the file ends within the list"),
        (f'[{GOOD}, {{"id" 1}}, 5, "]", {GOOD.replace("good", "other")}]', 2, None),
        (f"[{GOOD}] [1]", 1, "text after the end of the list"),
        (f"\ufeff [{GOOD},\n]\n", 1, None),
    ],
)  # fmt: skip
def test_a_broken_array_is_read_up_to_the_break(
    folder: Path, tmp_path: Path, text: str, kept: int, said: str | None
) -> None:
    (folder / "data.json").write_text(text)
    ids, rejected = collected(Folder(str(folder)), tmp_path / "out")
    assert len(ids) == kept
    if said is not None:
        assert len(rejected) == 1
        assert said in rejected[0]["reasons"][0]


@pytest.mark.parametrize("size", [1, 50])
def test_rows_of_every_kind(folder: Path, tmp_path: Path, size: int) -> None:
    """What becomes of a strange row may be a matter of taste; that it becomes one row is not."""
    rows = hostile.rows(size, 250)
    hostile.write(folder, rows, size, Random(size), hostile.cut)
    kept, rejected = collected(Folder(str(folder), max_line_mb=1), tmp_path / "out")
    assert len(kept) + len(rejected) == len(rows)
    assert {name for name, _ in rows if name} <= set(kept)
    assert all(one["reasons"] for one in rejected)


GUARDED = """
import json, re, signal, sys
from pathlib import Path
from ain.source.folder import Folder
from ain.stages.collect import collect
from ain.storage.shards import Shards

class Guarded(Folder):
    def found(self, item):
        signal.alarm(30)  # ends the process, unless the next row comes first
        return super().found(item)

out = Path(sys.argv[2])
counts = collect(Guarded(sys.argv[1], max_line_mb=1), out)
made = {name: counts[name] for name in ("input", "kept", "rejected")}
made["peak_mb"] = int(re.search("VmHWM:(.*) kB", Path("/proc/self/status").read_text())[1]) / 1e3
print(json.dumps(made | {"ids": [row["id"] for row in Shards(out).rows(["id"])]}))
"""


@pytest.mark.parametrize("size", [1, 50])
@pytest.mark.parametrize("bad", [250, pytest.param(20_000, marks=pytest.mark.slow)])
def test_malformed_rows_are_rejected_and_no_others(folder: Path, tmp_path: Path, bad: int, size: int) -> None:
    """In a process of its own: 30 seconds a row, less than 1 GB of memory, no traceback, and each good row is kept."""
    wrong = Random(bad + size)
    rows: list[tuple[str | None, str]] = []
    for number in range(bad):
        rows.append((None, wrong.choice(hostile.WRONG)(wrong, hostile.good(f"bad-{number}"))))
        if number % 4 == 0:
            rows.append((f"good-{number}", json.dumps(hostile.good(f"good-{number}"))))
    hostile.write(folder, rows, size, wrong, hostile.torn)
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, folder, tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert "Traceback" not in done.stderr
    made = json.loads(done.stdout)
    assert sorted(made.pop("ids")) == sorted(name for name, _ in rows if name)
    assert made.pop("peak_mb") < 1_000
    assert made == {"input": len(rows), "kept": len(rows) - bad, "rejected": bad}


LIMITED = """
import resource, sys
sys.path.insert(0, ".")
from pathlib import Path
from ain.source.folder import Folder
from ain.stages.collect import collect
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 700_000_000,) * 2)
print(collect(Folder(sys.argv[1]), Path(sys.argv[2]))["rejected"])
"""


def test_memory_stays_bounded(folder: Path, tmp_path: Path) -> None:
    """A line of 300 MB, one of many small values, an image at the limit of pixels, and a row with many large images."""
    with open(folder / "data.jsonl", "wb") as file:
        file.write(GOOD.encode() + b'\n{"id": "')
        for _ in range(300):
            file.write(b"a" * 1_000_000)
        file.write(b'"}\n{"id": [' + b"{}," * 3_000_000 + b"{}]}\n")
        file.write(row(id='"wide"', image='"wide.png"').encode() + b"\n")
        many = {"id": "many", "images": ["noise.bmp"] * 48, "messages": hostile.good("many")["conversations"]}
        many["messages"][0]["value"] = "What?"
        file.write(json.dumps(many).encode() + b"\n")
    Image.new("RGBA", (8_000, 8_000)).save(folder / "wide.png", compress_level=1)
    Image.effect_noise((4_000, 4_000), 50).save(folder / "noise.bmp")
    done = subprocess.run([sys.executable, "-c", LIMITED, folder, tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert done.stdout.strip() == "2"


SLOW = """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
from ain.text import options, placeholders, read_text
from ain.text.same_numbers import changed_number
for part in ("a", "1", "\\\\(", "$\\\\a", "A. ", "answer A, ", "«a", "copy a ", "1,", "what does "):
    text = (part * 50_000)[:50_000]
    placeholders.pieces(text), options.known(text), read_text.without_read_text(text, text, text)
    changed_number(text, text, "en", "ar")
"""


def test_long_texts_take_linear_time() -> None:
    """Quadratic patterns need hours of CPU time for these; the limit kills the process long before."""
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2_000:]
