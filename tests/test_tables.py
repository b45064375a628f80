"""A table is read back with the types of its values, whatever their text looks like."""

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from ain.storage.tables import read_table, write_table

FORMULAS = ["=1+1", "+1", "-2 degrees", "@a", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "''=1", "'a", "'", "=", "#N/A"]


def again(rows: list[dict[str, Any]], tmp_path: Path) -> list[dict[str, Any]]:
    write_table(tmp_path / "deep" / "table.csv", rows)
    return read_table(tmp_path / "deep" / "table.csv")


@pytest.mark.parametrize(
    "values",
    [
        [1, -2, 2**53 + 1],
        [1, None, 3],
        [0.1, 1 / 3, 1e-7, 1e300, -2.0, float("inf")],
        [1, 0.5],
        [100.0, -2.0, None, 0.0],
        [1.0, float("inf")],
        [1.0, 1e300],
        [True, False],
        [True, None],
        [None, None],
        ["01", "2"],
        ["true", "false"],
        ["1.10", None],
        ["", None, "x"],
        [""],
        [None],
        [None, "7"],
        ["NaN", "NA", "null", "None"],
        ["2026-11-25", "12:30"],
        ['he said "yes", twice', "line\nafter line\r\nand last\n", ",", '"'],
        ["ما لون القميص؟", "أحمر، و«أزرق»\nوأخضر", "١٢"],
        [" spaces kept ", "\t"],
        FORMULAS,
    ],
    ids=repr,
)
@pytest.mark.parametrize("alone", [True, False], ids=["one column", "among others"])
def test_values_come_back_as_they_were(values: list[Any], alone: bool, tmp_path: Path) -> None:
    rows = [{"value": value} if alone else {"n": i, "value": value, "t": "x"} for i, value in enumerate(values)]
    found = again(rows, tmp_path)
    assert found == rows
    if values != [1, 0.5]:  # a column has one type
        assert [type(row["value"]) for row in found] == [type(row["value"]) for row in rows]


def test_not_a_number_is_a_number(tmp_path: Path) -> None:
    found = again([{"a": float("nan"), "b": 1}, {"a": 0.5, "b": 2}, {"a": None, "b": 3}], tmp_path)
    assert math.isnan(found[0]["a"])
    assert [row["a"] for row in found[1:]] == [0.5, None]


def test_a_table_without_rows(tmp_path: Path) -> None:
    assert again([], tmp_path) == []


def test_names_with_commas_and_quotes(tmp_path: Path) -> None:
    rows = [{'below 0.8, "as needed"': 1.5, "الإجابة": "2", "": True}]
    assert again(rows, tmp_path) == rows


def test_a_key_that_comes_later_is_a_column(tmp_path: Path) -> None:
    assert again([{"a": 1}, {"a": 2, "b": "x"}], tmp_path) == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]


def test_a_large_table_keeps_its_types(tmp_path: Path) -> None:
    """The column has integers for more than a megabyte, and a float at the end."""
    rows = [{"id": f"{i:06d}", "text": "سطر\n" * 20, "n": i} for i in range(20_000)] + [
        {"id": "7", "text": "", "n": 0.5}
    ]
    assert again(rows, tmp_path) == rows


def test_other_programs_read_it(tmp_path: Path) -> None:
    rows = [{"id": "01", "text": "a, b\nج", "right": True, "score": 0.5, "none": None}]
    write_table(tmp_path / "table.csv", rows)
    with open(tmp_path / "table.csv", encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"id": "01", "text": "a, b\nج", "right": "true", "score": "0.5", "none": ""}
        ]


def test_a_table_typed_by_hand(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text('pair,similarity,note\r\n"1.1",0.5,\r\n"1.2",1,so\r\n')
    assert read_table(tmp_path / "table.csv") == [
        {"pair": "1.1", "similarity": 0.5, "note": None},
        {"pair": "1.2", "similarity": 1.0, "note": "so"},
    ]


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    """A spreadsheet takes off the quotes before it looks at a cell. Numbers stay numbers."""
    write_table(tmp_path / "table.csv", [{"=name": text, "n": -1} for text in FORMULAS])
    with open(tmp_path / "table.csv", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["'=name", "n"]
    assert not [text for text, n in rows if text[0] in "=+-@\t\r\n＝" or n != "-1"]
