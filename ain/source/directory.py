"""Read a directory's tables file by file: those that `save_to_disk` wrote, or those that `datasets` finds for a split."""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ain import UserError
from ain.source.image_files import Files
from ain.source.json_rows import Malformed
from ain.source.streamed import Broken, Streamed, reading
from ain.source.table_rows import BROKEN, ArrowRows, ParquetRows, said
from ain.storage.files import given_text
from ain.storage.images import BadImage
from ain.storage.record import readable

_STATE, _SPLITS = "state.json", "dataset_dict.json"  # of a data set and of its splits, as `save_to_disk` writes them
_BY_FILE = ("csv", "json", "text")  # builders of `datasets` whose files are tables of their own

Mapped = Callable[[dict[str, Any]], dict[str, str]]  # column → type becomes our name → column


class Directory:
    """The files of one split. name: the configuration, if there are several."""

    def __init__(self, path: Path, name: str | None, split: str, files: Files) -> None:
        self.path, self.name, self.split, self.files = path, name, split, files

    def rows(self, mapped: Mapped) -> Iterator[tuple[dict[str, Any] | Malformed, str]]:
        """Yield (row by our names, its file). What cannot be read costs no other file. The first file that can be read
        tells the columns."""
        columns: dict[str, str] = {}
        for name, opened in self._tables():
            file = readable(os.path.relpath(name, os.path.realpath(self.path)) if os.path.isabs(name) else name)
            try:
                with self.files.open(name) as data:
                    table = opened(data)
                    columns = columns or mapped(table.features)
                    here = {ours: theirs for ours, theirs in columns.items() if theirs in table.features}
                    for row in table.rows(sorted(set(here.values()))):
                        whole = not isinstance(row, Malformed)
                        yield ({ours: row[theirs] for ours, theirs in here.items()} if whole else row), file
            except BadImage as error:
                yield Malformed(str(error), ends=True), file
            except (Broken, *BROKEN) as error:
                yield Malformed(f"the file, or the rest of it, cannot be read: {said(error)}", ends=True), file

    def _tables(self) -> list[tuple[str, Callable[[Any], Any]]]:
        """Return (path of a file, how to read what it holds)."""
        if any((self.path / name).exists() for name in (_STATE, _SPLITS)):
            return [(name, ArrowRows) for name in self._saved()]
        builder, names = self._found()
        kind = type(builder).__module__.rpartition(".")[2]
        if kind == "parquet":
            return [(name, ParquetRows) for name in names]
        if kind in _BY_FILE:
            return [(name, partial(self._streamed, builder, [name])) for name in names]
        for name in names:
            self._check(name)
        return [(names[0], partial(self._streamed, builder, names))]

    def _saved(self) -> list[str]:
        below = ""
        if not (self.path / _STATE).exists():
            splits = sorted(found.parent.name for found in self.path.glob(f"*/{_STATE}"))
            self._check_split(splits)
            below = f"{self.split}/"
        state = self.path / below / _STATE
        try:
            return [below + str(one["filename"]) for one in json.loads(given_text(state))["_data_files"]]
        except (ValueError, RecursionError, LookupError, TypeError):
            raise UserError(f"{state}: lists no files; save the data set again with `save_to_disk`") from None

    def _found(self) -> tuple[Any, list[str]]:
        import datasets

        try:
            with reading():
                builder = datasets.load_dataset_builder(str(self.path), self.name)
        except Broken as error:
            raise UserError(
                f"source.path={self.path}: cannot be loaded ({error}); check its files and source.name"
            ) from None
        found = builder.config.data_files or {}
        self._check_split([str(split) for split in found])
        return builder, [str(name) for name in found[self.split]]

    def _check_split(self, splits: list[str]) -> None:
        if self.split not in splits:
            raise UserError(f"source.split={self.split}: {self.path} has the splits {', '.join(splits)}")

    def _streamed(self, builder: Any, names: list[str], _: Any) -> Streamed:
        with reading():
            builder.config.data_files = type(builder.config.data_files)({self.split: names})
            return Streamed(builder.as_streaming_dataset(self.split))

    def _check(self, name: str) -> None:
        try:
            self.files.open(name).close()
        except (BadImage, OSError) as error:
            raise UserError(f"source.path={self.path}: {readable(name)} cannot be read ({said(error)})") from None
