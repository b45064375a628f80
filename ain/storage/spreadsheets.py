"""Read the rows that people wrote: CSV (with commas, semicolons or tabs: spreadsheets differ by locale), XLSX, or JSON
lines."""

import csv
import json
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from ain import UserError
from ain.storage.cells import unescaped
from ain.storage.files import open_regular

_LINE = 10_000_000  # characters of a row


def rows(path: Path, key: str, what: str, columns: Collection[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (its number, row) for each row. In a table, row 1 holds the names of the columns.

    Raise UserError for a file that cannot be read or that lacks one of the columns. key: the setting that names it; what:
    it is expected to be.
    """
    try:
        open_regular(path).close()
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        why = "no such file" if missing else f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise UserError(f"{key}={path}: {why}") from None
    try:
        yield from _objects(path, columns) if path.suffix in (".json", ".jsonl") else _table(path, what, columns)
    except UnicodeDecodeError:
        raise UserError(f"{path}: not in UTF-8; save it as “CSV UTF-8” or as XLSX") from None
    except (csv.Error, BadZipFile, KeyError, ValueError, OSError, SyntaxError, EOFError) as error:
        raise UserError(f"{path}: cannot be read ({error}); save it as CSV or XLSX again") from None


def _table(path: Path, what: str, columns: Collection[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = _workbook(path) if path.suffix == ".xlsx" else _csv(path)
    names = [str(name).strip() for name in next(lines, ())]
    if missing := [name for name in columns if name not in names]:
        raise UserError(f"{path}: no {what}: its first row names no column {' and no column '.join(missing)}")
    for number, line in enumerate(lines, 2):
        if any(cell not in (None, "") for cell in line):
            yield number, dict(zip(names, line, strict=False))


def _workbook(path: Path) -> Iterator[Any]:
    from openpyxl import load_workbook

    yield from load_workbook(path, read_only=True, data_only=True).worksheets[0].iter_rows(values_only=True)


def _csv(path: Path) -> Iterator[Any]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        head = file.readline(_LINE)
        file.seek(0)
        for line in csv.reader(file, delimiter=max(",;\t", key=head.count)):
            yield [unescaped(cell) for cell in line]


def _objects(path: Path, columns: Collection[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(iter(partial(file.readline, _LINE), ""), 1):
            if len(line) == _LINE:
                raise UserError(f"{path}, row {number}: longer than {_LINE:,} characters")
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}, row {number}: no JSON ({error}); expected one object a line") from None
            if not isinstance(row, dict):
                raise UserError(f"{path}, row {number}: expected one object a line")
            if missing := next((name for name in columns if name not in row), None):
                raise UserError(f"{path}, row {number}: it has no {missing}")
            yield number, row


def text(value: Any, where: str) -> str:
    """Return a cell as text; a whole number of a spreadsheet has no point. Raise UserError for what is no single value."""
    if isinstance(value, list | dict):
        raise UserError(f"{where}: expected text, found {json.dumps(value, ensure_ascii=False)[:60]}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    said = "" if value is None else str(value).strip()
    if not said.isascii() and any("\ud800" <= c <= "\udfff" for c in said):
        raise UserError(f"{where}: half a character (a lone surrogate); write the text again")
    return said
