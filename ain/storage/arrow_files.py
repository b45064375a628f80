"""Open Arrow files so that damage is an error and never a crash."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import xxhash

from ain.storage.damage import Damaged

_validated: set[tuple[str, int, int]] = set()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the errors of a missing or damaged Arrow or Parquet file into Damaged."""
    remedy = "delete the stage's directory that holds it and run the same command, which makes it again"
    try:
        yield
    except FileNotFoundError:
        raise Damaged(path, "missing", remedy) from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # of the system
            raise
        raise Damaged(path, str(error).splitlines()[0], remedy) from None


def mapped(path: Path) -> pa.Table:
    """Return an Arrow file as a memory-mapped table. The first time in a process its structure is validated in full: a
    wrong offset would be read as an address."""
    with reading(path):
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        found = path.stat()
        key = str(path), found.st_size, found.st_mtime_ns
        if key not in _validated:
            table.validate(full=True)
            _validated.add(key)
    return table


def columns_digest(table: pa.Table, names: list[str]) -> str:
    """Return the digest of some columns of a table."""
    found = xxhash.xxh3_128()
    for name in names:
        for chunk in table[name].chunks:
            for buffer in filter(None, chunk.buffers()):
                found.update(buffer)
    return found.hexdigest()
