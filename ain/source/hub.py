"""Read a dataset of the Hugging Face hub, or one on disk, and map its columns to ours. What is not asked for stays there."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ain import UserError
from ain.runtime.console import log
from ain.runtime.ranges import AboveZero, Positive
from ain.source import Found, Source
from ain.source.directory import Directory
from ain.source.image_files import Files
from ain.source.json_rows import Malformed
from ain.source.row import Limits, Pixels, converted, listed
from ain.source.stored_images import StoredImages
from ain.source.streamed import Broken, Streamed, is_image, reading
from ain.storage.digests import folder_digest
from ain.storage.images import MAX_PIXELS
from ain.storage.record import Row
from ain.storage.revisions import commit
from ain.text.languages import LanguageChoice

Column = Literal[
    "id",
    "image",
    "images",
    "videos",
    "fps",
    "question",
    "answer",
    "conversations",
    "references",
    "domain",
    "language",
]
AUTO = "auto"
_OURS = Column.__args__  # type: ignore[attr-defined]


class Item(NamedTuple):
    """A row by our names, and where it is."""

    row: Row | Malformed
    where: str


class Hub(Source):
    """path: a hub id or a directory. columns: our name → the dataset's column, null if it is not to be read, auto (also
    if left out) for the column of the same name if there is one; conversations may also be called messages.
    """

    def __init__(
        self,
        path: str,
        columns: dict[Column, str | None],
        name: str | None = None,
        split: str = "train",
        revision: str | None = None,
        domain: str = "general",
        limit: Positive | None = None,
        language: LanguageChoice = "auto",
        outside: bool = False,
        max_image_mb: AboveZero = 50,
        max_pixels: Pixels = MAX_PIXELS,
        max_chars: Positive = 50_000,
        max_images: Positive = 1_000,
    ) -> None:
        self.path, self.name, self.split, self.revision = path, name, split, revision
        self.columns = columns
        self.domain = domain
        self.limit = limit
        self.language = language
        self.max_pixels = max_pixels
        self.files = Files(self.directory, outside, max_image_mb)
        self.stored = StoredImages(path, self.files)
        self.limits = Limits(max_chars, max_images)

    @property
    def directory(self) -> Path:
        return Path(self.path).expanduser()

    def digest(self) -> str | None:
        """Return the digest of a directory's listing, or the commit of a dataset on the hub."""
        return folder_digest(self.directory) if self.directory.is_dir() else self._commit()

    def provenance(self) -> dict[str, Any]:
        return {} if self.directory.is_dir() else {"revision": self._commit()}

    def _commit(self) -> str | None:
        return commit(self.path, self.revision or "main", "dataset") or self.revision

    def items(self) -> Iterator[Item]:
        number = 0
        for row, file in islice(self._rows(), self.limit):
            if isinstance(row, Malformed) and row.ends:
                log.info(f"collect: {file}: {row.reason}")
                yield Item(row, file)
            else:
                number += 1
                yield Item(row, f"{self.split}, row {number}")

    def _rows(self) -> Iterator[tuple[Row | Malformed, str]]:
        """Yield (row by our names, its file)."""
        if self.directory.is_dir():
            return Directory(self.directory, self.name, self.split, self.files).rows(self._mapped)
        return ((row, self.path) for row in self._of_hub())

    def _of_hub(self) -> Iterator[Row]:
        """Yield rows. `datasets` reads many at once, so behind a damaged place there are no rows: that is an error."""
        number, data = 0, self._load()
        columns = self._mapped(data.features)
        try:
            for number, row in enumerate(data.rows(sorted(set(columns.values()))), 1):  # noqa: B007
                yield {ours: row[theirs] for ours, theirs in columns.items()}
        except Broken as error:
            raise UserError(
                f"source.path={self.path}: broken behind {self.split}, row {number} ({error}); correct that file, or set "
                f"source.limit={number or 1} to read no further"
            ) from None

    def _mapped(self, features: dict[str, Any]) -> dict[str, str]:
        """Return our name → the dataset's column. Raise UserError if a column is missing, with the words to type."""
        columns = {}
        for ours in _OURS:
            theirs = self.columns.get(ours, AUTO)
            if theirs == AUTO:
                same = [ours, "messages"] if ours == "conversations" else [ours]
                theirs = next((name for name in same if name in features), None)
            elif theirs is not None and theirs not in features:
                raise UserError(
                    f"source.columns.{ours}={theirs}: {self.path} has no column {theirs}; choose among "
                    f"{', '.join(features)}"
                )
            if theirs is not None:
                columns[ours] = theirs
        if "conversations" not in columns and not {"question", "answer"} <= set(columns):
            raise UserError(
                f"{self.path} has the columns {', '.join(features)}: add source.columns.question=COLUMN "
                "source.columns.answer=COLUMN, or source.columns.conversations=COLUMN"
            )
        unread = [name for name, one in features.items() if is_image(one) and name not in columns.values()]
        if unread and not {"image", "images"} & set(columns) and self.columns.get("image", AUTO) == AUTO:
            raise UserError(
                f"{self.path}: its images are in the column {unread[0]}: add source.columns.image={unread[0]}, or "
                "source.columns.image=null to leave them out"
            )
        return columns

    def _load(self) -> Streamed:
        import datasets

        if not self.directory.exists() and (self.path[:1] in "./~" or self.path.count("/") > 1):
            raise UserError(
                f"source.path={self.path}: cannot be loaded, because there is no such directory; give one, or a hub id "
                "such as ORG/NAME"
            )
        try:
            with reading():
                revision = self._commit()
                data = datasets.load_dataset(self.path, self.name, split=self.split, revision=revision, streaming=True)
            return Streamed(data)
        except Broken as error:
            raise UserError(
                f"source.path={self.path}: cannot be loaded ({error}); check id, split and network"
            ) from None

    def found(self, item: Item) -> Found:
        row, where = item
        if isinstance(row, Malformed):
            return Found(where, {"id": None}, reasons=[row.reason])
        messages = row.get("conversations")
        if messages is None:
            messages = [
                {"role": "user", "content": row.get("question")},
                {"role": "assistant", "content": row.get("answer")},
            ]
        return converted(row, messages, where, self.language, self.domain, self.stored.read, self.limits)

    def size(self, item: Item) -> int:
        if isinstance(item.row, Malformed):
            return 0
        images = [one for key in ("image", "images") for one in listed(item.row.get(key))]
        images += [one for video in listed(item.row.get("videos")) for one in listed(video)]
        return sum(len(one["bytes"]) for one in images if isinstance(one, dict) and isinstance(one.get("bytes"), bytes))
