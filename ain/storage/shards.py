"""Store records, and the columns that stages add to them, in Parquet shards of 2,000 rows.

A stage's directory holds `kept/` and `rejected/`, shard by shard. A shard is written whole or not at all: first its
rejected rows, then its kept rows, whose file marks the shard as done. Both are listed (`listing.py`), and compared when
they are read. `datasets.load_dataset(directory)` loads the kept rows, its configuration "rejected" the rejected ones.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ain.storage.arrow_files import mapped, reading
from ain.storage.files import replace_text
from ain.storage.listing import LISTING, Listing, nearest, replace_listed, verified
from ain.storage.record import RECORD, REJECTED, Row

SHARD_ROWS = 2_000
_PARQUET = {"compression": "zstd", "use_dictionary": False, "write_page_checksum": True}
SPAN = 50  # shards whose small columns are read together

_CARD = """---
configs:
- config_name: kept
  default: true
  data_files:
  - split: train
    path: kept/*
- config_name: rejected
  data_files:
  - split: train
    path: rejected/*
---
Written by `ain`: what this stage kept and, in the configuration "rejected", what it rejected and why.
"""


def _save(table: pa.Table, suffix: str, path: Path) -> None:
    if suffix == "parquet":
        with pq.ParquetWriter(path, table.schema, **_PARQUET) as writer:
            if table.num_rows:  # `datasets` fails on a row group without rows, not on a file without row groups
                writer.write_table(table)
        return
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


class Shards:
    """The rows of one stage's directory."""

    def __init__(
        self, directory: Path, schema: pa.Schema = RECORD, rejected: pa.Schema = REJECTED, suffix: str = "parquet"
    ) -> None:
        """suffix: parquet, or arrow for random access through a memory map."""
        self.directory = directory
        self.suffix = suffix
        self.schemas = {"kept": schema, "rejected": rejected}

    def create(self) -> "Shards":
        for part in self.schemas:
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        if self._listing is None:
            (self.directory / LISTING).touch()
        if not (self.directory / "README.md").exists():
            replace_text(self.directory / "README.md", _CARD)
        return self

    def _path(self, part: str, index: int) -> Path:
        return self.directory / part / f"{index:05d}.{self.suffix}"

    @property
    def _listing(self) -> Listing | None:
        return nearest(self.directory)

    def __len__(self) -> int:
        """Return the number of finished shards; where files are listed, a deleted one counts and is missed when read."""
        if (listing := self._listing) and listing.entry(self._path("kept", 0)):
            return next(index for index in count() if not listing.entry(self._path("kept", index)))
        return len(list((self.directory / "kept").glob(f"[0-9]*.{self.suffix}")))

    def done(self, index: int) -> bool:
        """Return whether a shard was written. Raise Damaged if it was and is no longer whole."""
        paths = [self._path(part, index) for part in self.schemas]
        if (listing := self._listing) is None:
            return paths[0].exists()
        found = [listing.entry(path) for path in paths if path.exists()]
        for entry in filter(None, found):
            listing.check_size(entry)
        return len(found) == len(paths) and all(found)

    def write(self, index: int, kept: list[Row], rejected: Iterable[Row] = ()) -> None:
        """Write one shard, even if it is empty. Values are checked against the schema."""
        parts = {"kept": kept, "rejected": rejected}
        tables = {part: pa.Table.from_pylist(list(rows), schema=self.schemas[part]) for part, rows in parts.items()}
        self.write_tables(index, **tables)

    def write_tables(self, index: int, kept: pa.Table, rejected: pa.Table) -> None:
        for part, table in (("rejected", rejected), ("kept", kept)):
            save = partial(_save, table.cast(self.schemas[part]), self.suffix)
            replace_listed(self._path(part, index), save, table.num_rows)

    def read(self, index: int, columns: list[str] | None = None, part: str = "kept") -> list[Row]:
        if self.suffix == "parquet":
            return self.table(index, columns, part).to_pylist()  # type: ignore[no-any-return]
        table = self.mapped(index, part)
        return (table.select(columns) if columns is not None else table).to_pylist()  # type: ignore[no-any-return]

    def spans(self) -> range:
        """Return the numbers of the spans, SPAN shards each."""
        return range(-(-len(self) // SPAN))

    def span(self, number: int, columns: list[str], part: str = "kept") -> pa.Table:
        shards = range(number * SPAN, min((number + 1) * SPAN, len(self)))
        if self.suffix == "arrow":
            return pa.concat_tables([self.mapped(index, part).select(columns) for index in shards])
        return pa.concat_tables([self.table(index, columns, part) for index in shards])

    def size(self, index: int, part: str = "kept") -> int:
        """Return the number of rows of one shard."""
        path = self._path(part, index)
        if (listing := self._listing) and (entry := listing.entry(path)) and entry.rows is not None:
            return entry.rows
        if self.suffix == "arrow":
            return int(self.mapped(index, part).num_rows)
        with reading(path):
            return int(pq.read_metadata(path).num_rows)

    def table(self, index: int, columns: list[str] | None = None, part: str = "kept") -> pa.Table:
        """Return columns of one Parquet shard, or all of them."""
        path = verified(self._path(part, index))
        with reading(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read(columns)

    def mapped(self, index: int, part: str = "kept") -> pa.Table:
        """Return an Arrow shard as a memory-mapped table."""
        return mapped(verified(self._path(part, index)))

    def rows(self, columns: list[str] | None = None, part: str = "kept") -> Iterator[Row]:
        """Yield all rows in order, with one shard in memory at a time."""
        for index in range(len(self)):
            yield from self.read(index, columns, part)

    def count(self, part: str = "kept") -> int:
        return sum(self.size(index, part) for index in range(len(self)))

    def by_id(self, index: int, columns: list[str] | None = None, part: str = "kept") -> dict[str, Row]:
        """Return a shard as id → row, to join the columns of one stage with the rows of another."""
        return {row["id"]: row for row in self.read(index, None if columns is None else ["id", *columns], part)}
