"""Rating sheets: written blind, as CSV and as XLSX in the texts' reading direction; read back from several raters.

An item's name is a digest of the translation's directory and the record, so that the sheet does not reveal the
translator and no key file is needed.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ain import UserError
from ain.runtime.ranges import NotNegative
from ain.storage import spreadsheets
from ain.storage.cells import escaped
from ain.storage.digests import digest
from ain.storage.files import replace_file, replace_text
from ain.storage.tables import Table
from ain.text.languages import right_to_left
from ain.text.numbers import western_digits

COLUMNS = ("item", "original", "translation", "reference", "rating", "comment")
GUIDE = "rating: 0 (fails) to 1 (accurate), in steps as fine as you like; leave empty what you cannot judge"


def item(translate: Path, record: str) -> str:
    return digest([translate.name, record])


def line(item: str, original: str, translation: str, reference: str) -> dict[str, Any]:
    return dict(zip(COLUMNS, (item, original, translation, reference, "", ""), strict=True))


def write(rows: Table, directory: Path) -> None:
    """Write `rating_sheet.csv` and `rating_sheet.xlsx`, in an order that reveals nothing, and a guide for raters."""
    rows = sorted(rows, key=lambda row: row["item"])
    directory.mkdir(parents=True, exist_ok=True)
    lines = [COLUMNS, *([row.get(name, "") for name in COLUMNS] for row in rows)]

    def table(path: Path) -> None:
        with open(
            path, "w", encoding="utf-8-sig", newline=""
        ) as file:  # without a BOM, spreadsheets assume a Latin encoding
            csv.writer(file).writerows([escaped(str(cell)) for cell in line] for line in lines)

    replace_file(directory / "rating_sheet.csv", table)
    replace_file(directory / "rating_sheet.xlsx", lambda path: _workbook(lines, path))
    replace_text(directory / "rating_guide.txt", GUIDE + "\n")


def read_sheet(directory: Path) -> Table:
    """Return the rows of a sheet that `write` made."""
    return [row for _, row in _rows(directory / "rating_sheet.csv")]


def _workbook(lines: list[Any], path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet = book.active
    sheet.title = "ratings"
    sheet.sheet_view.rightToLeft = any(right_to_left(str(line[2])) for line in lines)
    sheet.freeze_panes = "A2"
    for line in lines:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", str(value)) for value in line])
    for column, width in zip("ABCDEF", (15, 48, 48, 48, 9, 30), strict=True):
        sheet.column_dimensions[column].width = width
        for cell in sheet[column]:
            turned = right_to_left(str(cell.value or ""))
            order = {"readingOrder": 2 if turned else 1, "horizontal": "right" if turned else "left"}
            cell.alignment = Alignment(wrap_text=True, vertical="top", **order)
            cell.font = Font(bold=cell.row == 1)
            if cell.value is not None:
                cell.data_type = "s"  # no formula, and no error such as #N/A
            if column != "E":
                cell.number_format = "@"  # text stays text when somebody edits it
    allowed = DataValidation(
        "decimal", operator="between", formula1="0", formula2="1", allow_blank=True, showErrorMessage=True
    )
    allowed.error = GUIDE
    allowed.add(f"E2:E{len(lines) + 1}")
    sheet.add_data_validation(allowed)
    with open(path, "wb") as file:
        book.save(file)


class Sheets:
    """Reads the raters' filled sheets. files: CSV or XLSX, one per rater and named after the rater. timed: number of
    records that are translated once more, one by one, to measure the latency."""

    def __init__(self, files: list[str] | None = None, timed: NotNegative = 20) -> None:
        self.timed = timed
        self.files = [Path(name).expanduser() for name in files or []]
        names = [path.stem for path in self.files]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UserError(f"rating.files: two are named {twice[0]}; name each file by its rater")

    def digest(self) -> str:
        return digest([[path.name, *map(str, self._ratings(path))] for path in self.files])

    def read(self) -> dict[str, dict[str, float]]:
        """Return rater → item → rating."""
        return {path.stem: dict(self._ratings(path)) for path in self.files}

    def _ratings(self, path: Path) -> Iterator[tuple[str, float]]:
        for number, row in _rows(path):
            given = (
                western_digits(str(row.get("rating") if row.get("rating") is not None else ""))
                .strip()
                .replace(",", ".")
            )
            if not given:
                continue
            try:
                rating = float(given.rstrip("%")) / (100 if given.endswith("%") else 1)
            except ValueError:
                rating = -1.0
            if not 0 <= rating <= 1 or not row.get("item"):
                raise UserError(f"{path}, row {number}: {given!r} is no rating from 0 to 1")
            yield str(row["item"]), rating


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    return spreadsheets.rows(path, "rating.files", "rating sheet", ("item", "rating"))
