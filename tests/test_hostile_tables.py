"""Damaged tables: what cannot be read of a Parquet or Arrow file is rejected by name, and everything beside it is kept."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from test_hostile_input import collected

from ain import UserError
from ain.source.hub import Hub
from ain.source.json_rows import Malformed
from ain.source.table_rows import BROKEN, ArrowRows, ParquetRows
from ain.stages.collect import collect
from ain.storage.images import png

Row = dict[str, Any]
SECOND = "train-1.parquet"
SAVED = "data-00001-of-00003.arrow"
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("id", "question", "answer")]
    + [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))]
)


def rows(start: int) -> list[Row]:
    image = {"bytes": png(Image.new("RGB", (30, 20), "blue")), "path": None}
    return [
        {"id": f"r{i}", "question": "<image>What?", "answer": "It.", "image": image} for i in range(start, start + 10)
    ]


def table(made: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(made, schema=SCHEMA)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three Parquet files of ten rows, each in row groups of five."""
    path = tmp_path / "data"
    path.mkdir()
    for number in range(3):
        pq.write_table(table(rows(10 * number)), path / f"train-{number}.parquet", row_group_size=5, compression="none")
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "saved"
    datasets.Dataset(table([row for start in (0, 10, 20) for row in rows(start)])).save_to_disk(path, num_shards=3)
    return path


def read(path: Path, **settings: Any) -> tuple[list[str], list[tuple[str, str]]]:
    """Return (ids of kept records, where and why others were rejected)."""
    kept, rejected = collected(Hub(str(path), {}, **settings), path.parent / f"out-{path.name}")
    return kept, [(one["where"], one["reasons"][0]) for one in rejected]


def not_utf8(path: Path) -> None:
    texts = pa.array([b"It.\xff" if number == 3 else b"It." for number in range(10)])
    column = pa.Array.from_buffers(pa.string(), 10, texts.buffers())
    pq.write_table(table(rows(10)).set_column(2, "answer", column), path)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda row: row["image"].update(bytes=b"no image"), "no image in a known format"),
        (lambda row: row.update(image=None), "placeholder without an image"),
        (lambda row: row.update(answer=None), "a message of assistant has no text"),
        (lambda row: row.update(id="\0"), "a null character in the id"),
    ],
)  # fmt: skip
def test_a_bad_value_is_one_rejection(data: Path, damage: Callable[[Row], None], expected: str) -> None:
    made = [{**row, "image": dict(row["image"])} for row in rows(10)]
    damage(made[3])
    pq.write_table(table(made), data / SECOND)
    kept, rejected = read(data)
    assert len(kept) == 29
    assert [where for where, _ in rejected] == ["train, row 14"]
    assert rejected[0][1].startswith(expected)


def test_a_text_that_is_not_utf8_costs_its_row(data: Path) -> None:
    not_utf8(data / SECOND)
    kept, rejected = read(data)
    assert len(kept) == 29
    assert rejected[0][0] == "train, row 14"
    assert rejected[0][1].startswith("the row cannot be read")


def other_types(path: Path) -> None:
    made = [{**row, "answer": [{"a": 1}], "image": 5, "more": 1} for row in rows(10)]
    pq.write_table(pa.Table.from_pylist(made), path)


def test_other_types_in_one_file_cost_its_rows(data: Path) -> None:
    other_types(data / SECOND)
    kept, rejected = read(data)
    assert len(kept) == 20
    assert [where for where, _ in rejected] == [f"train, row {number}" for number in range(11, 21)]


def broken_page(path: Path) -> None:
    start = pq.read_metadata(path).row_group(1).column(2).data_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + 12] = b"\xff" * 12
    path.write_bytes(content)


def test_a_broken_page_costs_its_row_group(data: Path) -> None:
    broken_page(data / SECOND)
    kept, rejected = read(data)
    assert kept == [f"r{number}" for number in [*range(15), *range(20, 30)]]
    assert rejected[0][0] == SECOND
    assert rejected[0][1].startswith("5 rows cannot be read")


def outside(path: Path) -> None:
    shutil.move(path, path.parent.parent / "secret")
    path.symlink_to(path.parent.parent / "secret")


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda path: path.write_text("hello"), "the file, or the rest of it, cannot be read"),
        (lambda path: path.write_bytes(b""), "the file, or the rest of it, cannot be read"),
        (half, "the file, or the rest of it, cannot be read"),
        (outside, "file outside the folder"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["parquet", "saved"])
def test_a_file_that_cannot_be_read_costs_no_other(
    request: pytest.FixtureRequest, kind: str, damage: Callable[[Path], None], expected: str
) -> None:
    path = request.getfixturevalue("saved" if kind == "saved" else "data")
    name = SAVED if kind == "saved" else SECOND
    damage(path / name)
    kept, rejected = read(path)
    assert kept == [f"r{number}" for number in [*range(10), *range(20, 30)]]
    assert [where for where, _ in rejected] == [name]
    assert rejected[0][1].startswith(expected)


def test_a_missing_shard_costs_no_other(saved: Path) -> None:
    (saved / SAVED).unlink()
    kept, rejected = read(saved)
    assert len(kept) == 20
    assert rejected == [(SAVED, "the file, or the rest of it, cannot be read: No such file or directory")]


def test_files_that_a_data_set_names_lie_inside(saved: Path, data: Path, tmp_path: Path) -> None:
    shutil.copy(data / SECOND, tmp_path / "secret.parquet")
    state = json.loads((saved / "state.json").read_text())
    state["_data_files"][1]["filename"] = "../secret.parquet"
    (saved / "state.json").write_text(json.dumps(state))
    (data / "README.md").write_text(
        "---\nconfigs:\n- config_name: a\n  data_files:\n  - ../secret.parquet\n  - train-0.parquet\n---\n"
    )
    for path, number in ((saved, 20), (data, 10)):
        kept, rejected = read(path)
        assert len(kept) == number
        assert [reason.split(":")[0] for _, reason in rejected] == ["file outside the folder"]
    assert len(read(data.rename(tmp_path / "allowed"), outside=True)[0]) == 20


@pytest.mark.parametrize("text", ["{}", "[", '{"_data_files": [5]}', '{"_data_files": 5}'])
def test_a_list_of_files_that_is_none_is_named(saved: Path, tmp_path: Path, text: str) -> None:
    (saved / "state.json").write_text(text)
    with pytest.raises(UserError, match=r"state\.json: lists no files"):
        collect(Hub(str(saved), {}), tmp_path / "out")


def test_other_formats_are_read_file_by_file(tmp_path: Path) -> None:
    (path := tmp_path / "lines").mkdir()
    (path / "a.jsonl").write_text('{"id": "1", "question": "a?", "answer": "b"}\n{"id":\n')
    (path / "b.jsonl").write_text('{"id": "2", "question": "a?", "answer": "b"}\n')
    kept, rejected = read(path)
    assert (kept, [where for where, _ in rejected]) == (["2"], ["a.jsonl"])
    (path := tmp_path / "commas").mkdir()
    (path / "a.csv").write_text('id,question,answer\n1,a?,b\n2,"a?,b\n')
    (path / "b.csv").write_text("id,question,answer\n3,a?,b\n")
    kept, rejected = read(path)
    assert (kept, [where for where, _ in rejected]) == (["3"], ["a.csv"])
    (path := tmp_path / "images").mkdir()
    Image.new("RGB", (30, 20)).save(path / "a.png")
    (path / "metadata.csv").write_text("file_name,question,answer\na.png,What?,It.\n")
    assert read(path) == (["train, row 1"], [])


def test_bytes_at_random_end_no_process(tmp_path: Path) -> None:
    """Neither an exception that is not expected, nor a crash by an offset that leads out of the file."""
    random, whole, broken = Random(0), 0, 0
    pq.write_table(table(rows(0)), tmp_path / "a.parquet", row_group_size=5, compression="none", use_dictionary=False)
    with pa.ipc.new_stream(tmp_path / "a.arrow", SCHEMA) as stream:
        stream.write_table(table(rows(0)), max_chunksize=5)
    for number in range(400):
        kind, name = ((ParquetRows, "a.parquet"), (ArrowRows, "a.arrow"))[number % 2]
        content = bytearray((tmp_path / name).read_bytes())
        for _ in range(random.randint(1, 8)):
            at = random.randrange(len(content))
            content[at : at + 4] = random.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", random.randbytes(4)])
        (tmp_path / "damaged").write_bytes(content)
        try:
            with open(tmp_path / "damaged", "rb") as file:
                opened = kind(file)
                found = list(opened.rows([name for name in SCHEMA.names if name in opened.features]))
            whole += sum(not isinstance(row, Malformed) for row in found)
            broken += sum(isinstance(row, Malformed) for row in found)
        except BROKEN:
            broken += 1
    assert whole > 400
    assert broken > 50
