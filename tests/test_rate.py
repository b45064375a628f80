"""Choosing a translator: scores against references, exported and imported blind sheets, the paper's numbers beside ours."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import ain
from openpyxl import load_workbook
from openpyxl.worksheet.cell_range import MultiCellRange

from ain import UserError
from ain.metrics.agreement import alpha, rated
from ain.metrics.text import bleu, chrf
from ain.rating.sheets import COLUMNS, Sheets, line, read_sheet, write

SMALL = (
    "source.scenes=4",
    "source.authentic=0",
    "verifier.checkpoint='miniature:encoder?steps=3&domains=vqa.ocr.cultural'",
    "tracker=disabled",
)


def test_scores_are_taken_after_normalising() -> None:
    """Diacritics, forms of alif and Indic digits are no errors; a different word is."""
    assert chrf(["أَحْمَر ٤٧"], ["احمر 47"], "ar") == pytest.approx(100)
    assert bleu(["هذه سيارة حمراء كبيرة جدًا"], ["هذه سيارة حمراء كبيرة جدا"], "ar") == pytest.approx(100)
    assert chrf(["أزرق"], ["أحمر"], "ar") < 50
    assert chrf([""], ["أحمر"], "ar") == 0


def test_what_raters_say_together() -> None:
    """Krippendorff's own example of interval data has an alpha of 0.849."""
    coder = {
        "a": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        "b": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        "c": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        "d": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    }
    given = {name: {str(i): float(v) for i, v in enumerate(values) if v is not None} for name, values in coder.items()}
    assert alpha(given) == pytest.approx(0.849, abs=0.001)
    assert alpha({"a": given["a"]}) is None
    assert alpha({"a": {"1": 1.0}, "b": {"1": 1.0}}) is None
    mean, low, high = rated({"a": {"1": 1.0, "2": 0.0}, "b": {"1": 0.5}})
    assert mean == 0.375
    assert low <= mean <= high


ROWS = [line(f"item{i}", "What colour?\nred", "ما اللون؟\nأحمر", "ما اللون؟\nأحمر") for i in range(4)]


def test_a_sheet_opens_in_the_direction_of_its_translations(tmp_path: Path) -> None:
    write([line("item", "What colour?", "Welche Farbe?", "Welche Farbe?")], tmp_path)
    sheet = load_workbook(tmp_path / "rating_sheet.xlsx").active
    assert not sheet.sheet_view.rightToLeft
    assert sheet["C2"].alignment.horizontal == "left"
    write(ROWS, tmp_path)
    sheet = load_workbook(tmp_path / "rating_sheet.xlsx").active
    assert sheet.sheet_view.rightToLeft
    assert tuple(cell.value for cell in sheet[1]) == COLUMNS
    assert sheet.data_validations.dataValidation[0].sqref == MultiCellRange("E2:E6")
    assert sheet["C2"].alignment.horizontal == "right"
    assert (tmp_path / "rating_sheet.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def fill(blank: Path, filled: Path, ratings: list[Any]) -> str:
    """Fill in a sheet as a rater would, in the same format."""
    if blank.suffix == ".xlsx":
        book = load_workbook(blank)
        for row, rating in zip(book.active.iter_rows(min_row=2), ratings, strict=False):
            row[4].value = rating
        book.save(filled)
    else:
        rows = list(csv.DictReader(blank.open(encoding="utf-8-sig")))
        with filled.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({**row, "rating": rating} for row, rating in zip(rows, ratings, strict=False))
    return str(filled)


def test_no_text_of_a_sheet_is_a_formula(tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-2", "@a", "\t=1", "\r=1", "'=1", "#N/A", "_x0041_", "x\r\ny", "01"]
    write([line(f"{i:02d}", text, text, text) for i, text in enumerate(texts)], tmp_path)
    _, *rows = load_workbook(tmp_path / "rating_sheet.xlsx").active.iter_rows()
    assert [row[1].value for row in rows] == texts
    assert {cell.data_type for row in rows for cell in row[:4]} == {"s"}
    assert [row["translation"] for row in read_sheet(tmp_path)] == texts
    with open(tmp_path / "rating_sheet.csv", encoding="utf-8-sig", newline="") as file:
        assert not [cell for line in csv.reader(file) for cell in line if cell[:1] in tuple("=+-@\t\r")]


def test_filled_sheets_are_read_as_people_fill_them(tmp_path: Path) -> None:
    write(ROWS, tmp_path)
    one = fill(tmp_path / "rating_sheet.xlsx", tmp_path / "amal.xlsx", [1, 0.5, None, 0])
    other = fill(tmp_path / "rating_sheet.csv", tmp_path / "badr.csv", ["٠٫٥", "0,5", "", "75%"])
    assert Sheets([one, other]).read() == {
        "amal": {"item0": 1.0, "item1": 0.5, "item3": 0.0},
        "badr": {"item0": 0.5, "item1": 0.5, "item3": 0.75},
    }
    semicolons = tmp_path / "carim.csv"
    semicolons.write_text(
        (tmp_path / "badr.csv").read_text(encoding="utf-8-sig").replace(",", ";").replace("0;5", "0,5")
    )
    assert Sheets([str(semicolons)]).read()["carim"] == {"item0": 0.5, "item1": 0.5, "item3": 0.75}
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="two are named badr"):
        Sheets([other, str(tmp_path / "other" / "badr.csv")])
    (tmp_path / "strange.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no rating sheet"):
        Sheets([str(tmp_path / "strange.csv")]).read()
    assert Sheets([one]).digest() != Sheets([one, other]).digest()
    wrong = fill(tmp_path / "rating_sheet.csv", tmp_path / "wrong.csv", ["1", "7"])
    with pytest.raises(UserError, match=r"wrong.csv, row 3: '7' is no rating from 0 to 1"):
        Sheets([wrong]).read()
    with pytest.raises(UserError, match="no such file"):
        Sheets([str(tmp_path / "nobody.csv")]).read()


def test_reproduce_prints_the_paper_beside_ours(trained: Path, tmp_path: Path) -> None:
    """Without a key, miniatures are used and named; filled sheets give the accuracy; nothing is done twice."""
    words = (
        "reproduce",
        "ain/table4",
        *SMALL,
        "source.limit=6",
        "translator=miniature",
        "translator.checkpoint='miniature:translator?steps=80&domains=vqa.ocr.cultural'",
        f"output_dir={trained}",
    )
    result = ain(*words, env={"OPENAI_API_KEY": ""})
    assert result.returncode == 0, result.stderr[-3_000:]
    assert re.search(r"GPT-4o-mini +Avg\. time +3.52 +\d\S* .*miniature \(model and data\)", result.stdout)
    assert "data: drawn scenes of the miniature, a stand-in (6 samples); the paper: 25 samples" in result.stdout
    assert "miniature stands in for GPT-4o-mini" in result.stdout
    assert re.search(r"Accuracy +92 +– +", result.stdout)
    (ratings,) = trained.glob("report/sweeps/*/ratings")
    blank = ratings / "rating_sheet.xlsx"
    assert "miniature" not in (ratings / "rating_sheet.csv").read_text()
    rows = load_workbook(blank).active.max_row - 1
    sheets = [
        fill(blank, tmp_path / f"{name}.xlsx", [given] * (rows - 1) + [0]) for name, given in (("a", 1), ("b", 0.5))
    ]
    made = {path: path.stat().st_mtime_ns for path in trained.glob("data/02-*/manifest.json")}
    again = ain(*words, f"rating.files=[{','.join(sheets)}]", env={"OPENAI_API_KEY": ""})
    assert again.returncode == 0, again.stderr[-3_000:]
    assert "needs raters" not in again.stdout
    assert made == {path: path.stat().st_mtime_ns for path in trained.glob("data/02-*/manifest.json")}
    (rated,) = (path for path in trained.glob("report/sweeps/*/ratings") if path != ratings)  # of another command
    table = list(csv.DictReader((rated / "translators.csv").open(encoding="utf-8")))
    assert [row["raters"] for row in table] == ["2"] * len(table)
    assert all(
        0 < float(row["accuracy_low"]) <= float(row["accuracy_pct"]) <= float(row["accuracy_high"]) for row in table
    )
    assert table[0]["alpha"] != ""


def test_people_bring_their_own_references(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    turns = [{"from": "human", "value": "What number is written?"}, {"from": "gpt", "value": "47"}]
    reference = [{"from": "human", "value": "أي عدد كُتب هنا؟"}, {"from": "gpt", "value": "47"}]
    rows = [{"id": "a", "conversations": turns, "references": {"ar": reference}}, {"id": "b", "conversations": turns}]
    rows.append({"id": "c", "conversations": turns, "references": {"ar": reference[:1]}})
    (folder / "data.json").write_text(json.dumps(rows))
    words = ("rate", "source=folder", f"source.path={folder}", f"output_dir={trained}", SMALL[2], "allow_toys=true")
    result = ain(*words, "translator.checkpoint='miniature:translator?steps=80&domains=vqa.ocr.cultural'")
    assert result.returncode == 0, result.stderr[-3_000:]
    sheet = (Path(result.stdout.strip()) / "rating_sheet.csv").read_text(encoding="utf-8-sig")
    assert sheet.count("أي عدد كُتب هنا؟") == 1
    tables = {path.name.rsplit("_", 2)[0] for path in (trained / "runs").rglob("*.table.json")}
    assert {"translators", "translations"} <= tables  # logged to W&B, offline
    shutil.rmtree(trained / "data")
    (folder / "data.json").write_text(json.dumps(rows[1:2]))
    result = ain(*words, "translator.checkpoint='miniature:translator?steps=80&domains=vqa.ocr.cultural'")
    assert result.returncode != 0
    assert "no record has a reference in ar to rate by" in result.stderr
    assert "Traceback" not in result.stderr
