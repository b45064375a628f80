"""Read and write the small tables of stages as CSV, for people, spreadsheets, the report and W&B.

Text is always quoted and nothing else is, so a table needs no schema: "01" and "true" are read as text, 1 and true as a
number and a boolean. An empty cell is None, "" is an empty text. Text that a spreadsheet would take for a formula has an
apostrophe in front, which `read_table` takes off.
"""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from ain.storage.cells import escaped, unescaped
from ain.storage.listing import replace_listed, verified

Table = list[dict[str, Any]]

_CELL = re.compile(r'("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)')


def write_table(path: Path, rows: Table) -> None:
    """Write one line per row, in the order of the keys. A key that a row lacks is None. No rows make an empty file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = dict.fromkeys(name for row in rows for name in row)
    file = BytesIO()
    if rows:
        csv.write_csv(pa.table({escaped(name): _column([row.get(name) for row in rows]) for name in names}), file)
    replace_listed(path, lambda temporary: temporary.write_bytes(file.getvalue()))


def _column(values: list[Any]) -> pa.Array:
    """Return a column whose whole floats keep their point: Arrow would write 1.0 as 1 and read it as an integer."""
    column = pa.array([escaped(value) if isinstance(value, str) else value for value in values])
    if not pa.types.is_floating(column.type):
        return column
    whole = all(value is None or (float(value).is_integer() and abs(value) < 1e15) for value in values)
    return column.cast(pa.decimal128(17, 1)) if whole else column


def read_table(path: Path) -> Table:
    """Return the rows with the types of their values: text, integers, floats, booleans, None. Raise Damaged if a stage
    wrote the table and it has changed since."""
    data = verified(path).read_bytes()
    if not data:
        return []
    header, quoted = _header_and_text(data.decode())
    convert = csv.ConvertOptions(
        column_types={header[place]: pa.string() for place in quoted},
        null_values=[""],  # "NaN" and "NA" are not null
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parse = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    rows = csv.read_csv(BytesIO(data), parse_options=parse, convert_options=convert).to_pylist()
    return [{unescaped(name): unescaped(v) if isinstance(v, str) else v for name, v in row.items()} for row in rows]


def _header_and_text(text: str) -> tuple[list[str], set[int]]:
    """Return the column names, and the indices of columns with a quoted cell, which always hold text."""
    header: list[str] = []
    quoted: set[int] = set()
    place, first = 0, True
    for cell in _CELL.finditer(text):
        if first:
            header.append(cell[1][1:-1].replace('""', '"') if cell[1].startswith('"') else cell[1])
        elif cell[1].startswith('"'):
            quoted.add(place)
        if cell[2] == ",":
            place += 1
        else:
            place, first = 0, False
    return header, quoted
