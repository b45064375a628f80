"""Read Parquet and Arrow files a few rows at a time. Damage costs the rows that it touches, not the file and not the run."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ain.source.json_rows import Malformed

BATCH_ROWS, BATCH_BYTES = 1_000, 8_000_000  # read together
BUFFER = 1 << 20  # of a column: without one, Arrow reads whole row groups
# What Arrow raises for damage: its own exceptions, and Python's for values that have no place in Python.
BROKEN = (
    pa.ArrowException,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
    MemoryError,
)  # a length of petabytes

Rows = Iterator[dict[str, Any] | Malformed]


class ParquetRows:
    """The rows of a Parquet file. Raises one of BROKEN for what is none. features: column → type, as `datasets` has it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = pq.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False, page_checksum_verification=True)
        self.features = _features(self._file.schema_arrow)

    def rows(self, columns: list[str]) -> Rows:
        """Yield rows with these columns. What is broken in a row group ends that group alone."""
        for number in range(self._file.num_row_groups):
            group, read = self._file.metadata.row_group(number), 0
            size = max(1, min(BATCH_ROWS, BATCH_BYTES * group.num_rows // max(group.total_byte_size, 1)))
            try:
                for batch in self._file.iter_batches(size, [number], columns, use_threads=False):
                    read += len(batch)
                    yield from _rows(batch)
            except BROKEN as error:
                yield Malformed(f"{group.num_rows - read:,} rows cannot be read: {said(error)}", ends=True)


class ArrowRows:
    """The same for a file in Arrow's stream format, as `save_to_disk` writes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._stream = pa.ipc.open_stream(pa.PythonFile(file, mode="r"))
        self.features = _features(self._stream.schema)

    def rows(self, columns: list[str]) -> Rows:
        for batch in self._stream:
            for start in range(0, len(batch), BATCH_ROWS):
                yield from _rows(batch.select(columns).slice(start, BATCH_ROWS))


def _features(schema: pa.Schema) -> dict[str, Any]:
    import datasets

    return dict(datasets.Features.from_arrow_schema(schema))


def _rows(batch: pa.RecordBatch) -> Rows:
    """Yield a batch's rows. It is validated first: offsets that lead out of the file would end the process."""
    try:
        batch.validate(full=True)
        yield from batch.to_pylist()
    except BROKEN:
        yield from (_row(batch.slice(i, 1)) for i in range(len(batch)))


def _row(one: pa.RecordBatch) -> dict[str, Any] | Malformed:
    try:
        one.validate(full=True)
        return one.to_pylist()[0]  # type: ignore[no-any-return]
    except BROKEN as error:
        return Malformed(f"the row cannot be read: {said(error)}")


def said(error: Exception) -> str:
    """Return the first line of an error's message, without the bytes that a decoder could not read."""
    if isinstance(error, UnicodeDecodeError):
        return "a text that is not in UTF-8"
    text = (getattr(error, "strerror", None) or str(error)).strip()
    return (text.splitlines() or [type(error).__name__])[0][:200]
