"""Go through the rows of a table: their texts, and where their images are. No image is read."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from ain import UserError
from ain.benchmark.fields import Fields
from ain.benchmark.pictures import Picture, Pictures
from ain.benchmark.template import shown
from ain.source.stored_images import StoredImages
from ain.storage.record import Row
from ain.storage.seen import Seen

_BATCH = 256  # rows looked at together
_IMAGES = "fields.images"
_SEVERAL = ("fields.options", _IMAGES)  # fields of several columns, of which a data set may lack some


class Rows:
    """The rows of a split that a benchmark asks about.

    data: the split, in Arrow format, of the data set at `path`. further: key → columns to read beside those of the fields.
    only: column → patterns (* stands for any text), one of which the value must fit.
    """

    def __init__(
        self,
        data: Any,
        path: str,
        fields: Fields,
        further: dict[str, tuple[str, ...]],
        only: dict[str, tuple[str, ...]],
        stored: StoredImages,
    ) -> None:
        self.data, self.fields, self.only = data, fields, only
        wanted = {f"fields.{name}": names for name, names in fields.columns().items()} | further | {"only": tuple(only)}
        optional = [f"fields.{name}" for name in fields.optional()]
        used = {key: [name for name in names if name in data.features] for key, names in wanted.items()}
        for key, names in wanted.items():
            lacking = [name for name in names if name not in data.features]
            if lacking and key not in optional and not (key in _SEVERAL and used[key]):
                raise UserError(
                    f"benchmark.{key}: {path} has no column {lacking[0]}; its columns are {', '.join(data.features)}"
                )
        self.texts = sorted({name for key, names in used.items() if key != _IMAGES for name in names})
        self.named = sorted({*used["fields.id"], *used["fields.group"], *only})
        self.pictures = Pictures(data, used[_IMAGES], stored)

    def numbered(self) -> Iterator[tuple[int, str, str]]:
        """Yield (row number, id, group) of all rows to ask, reading no other columns. A repeated id gets the row's number."""
        seen = Seen()
        columns = self.data.select_columns(self.named) if self.named else None
        for start in range(0, len(self.data), _BATCH):
            size = min(_BATCH, len(self.data) - start)
            rows = columns[start : start + size].to_pylist() if columns else [{}] * size
            for number, row in enumerate(rows, start):
                if all(_fits(shown(row[name]), patterns) for name, patterns in self.only.items()):
                    named = self.fields.named(row, number)
                    identifier = named if seen.add(named) else f"{named}#{number}"
                    yield number, identifier, self.fields.grouped(row, identifier)

    def all(self, chosen: set[int] | None = None) -> Iterator[tuple[str, Row, dict[int, Picture], str | None]]:
        """Yield (id, its texts, its images, why an image is none) for all rows, or for the chosen ones."""
        start, table = -_BATCH, None
        texts: list[Row] = []
        for number, identifier, _ in self.numbered():
            if chosen is not None and number not in chosen:
                continue
            if number >= start + _BATCH:
                start = number - number % _BATCH
                table = self.data[start : start + _BATCH]
                texts = table.select(self.texts).to_pylist() if self.texts else [{}] * table.num_rows
            found = self.pictures.of(table, number - start, number)
            faults = (self.pictures.fault(picture, table, number - start) for picture in found.values())
            yield identifier, texts[number - start], found, next(filter(None, faults), None)


def _fits(value: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)
