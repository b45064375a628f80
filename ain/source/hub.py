"""Read a dataset of the Hugging Face hub, or one on disk, and map its columns to ours. What is not asked for stays there."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from ain import UserError
from ain.runtime.ranges import AboveZero, Positive
from ain.source import Found, Source
from ain.source.image_files import Files
from ain.source.row import Limits, Pixels, converted, listed
from ain.source.stored_images import StoredImages
from ain.storage.digests import folder_digest
from ain.storage.images import MAX_PIXELS
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

    def items(self) -> Iterator[tuple[dict[str, Any], str]]:
        data = self._load()
        columns = self._mapped(_features(data))
        data = data.select_columns(sorted(set(columns.values())))
        for name, feature in _features(data).items():
            if (raw := _undecoded(feature)) != feature:
                data = data.cast_column(name, raw)
        for number, row in enumerate(self._read_rows(islice(data, self.limit)), 1):
            yield {ours: row[theirs] for ours, theirs in columns.items()}, f"{self.split}, row {number}"

    def _read_rows(self, data: Iterator[Any]) -> Iterator[Any]:
        """Yield rows. `datasets` reads many at once, so behind a damaged place there are no rows: that is an error."""
        import datasets
        import pyarrow as pa

        number = 0
        try:
            for row in data:
                number += 1
                yield row
        except (datasets.exceptions.DatasetsError, pa.ArrowException, UnicodeDecodeError, ValueError, OSError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"source.path={self.path}: broken behind {self.split}, row {number} ({said}); correct that file, or set "
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
        unread = [name for name, one in features.items() if _is_image(one) and name not in columns.values()]
        if unread and not {"image", "images"} & set(columns) and self.columns.get("image", AUTO) == AUTO:
            raise UserError(
                f"{self.path}: its images are in the column {unread[0]}: add source.columns.image={unread[0]}, or "
                "source.columns.image=null to leave them out"
            )
        return columns

    def _load(self) -> Any:
        import datasets

        given = self.directory
        if not given.exists() and (self.path[:1] in "./~" or self.path.count("/") > 1):
            raise UserError(
                f"source.path={self.path}: cannot be loaded, because there is no such directory; give one, or a hub id "
                "such as ORG/NAME"
            )
        try:
            if any((given / name).exists() for name in ("state.json", "dataset_dict.json")):
                saved = datasets.load_from_disk(str(given))
                return self._split_of(saved) if isinstance(saved, dict) else saved
            path, revision = (str(given), None) if given.exists() else (self.path, self._commit())
            return datasets.load_dataset(path, self.name, split=self.split, revision=revision, streaming=True)
        except (datasets.exceptions.DatasetsError, ConnectionError, ValueError, OSError) as error:
            raise UserError(
                f"source.path={self.path}: cannot be loaded ({str(error).splitlines()[0]}); check id, split and network"
            ) from None

    def _split_of(self, saved: dict[str, Any]) -> Any:
        if self.split not in saved:
            raise UserError(f"source.split={self.split}: {self.path} has the splits {', '.join(saved)}")
        return saved[self.split]

    def found(self, item: tuple[dict[str, Any], str]) -> Found:
        row, where = item
        messages = row.get("conversations")
        if messages is None:
            messages = [
                {"role": "user", "content": row.get("question")},
                {"role": "assistant", "content": row.get("answer")},
            ]
        return converted(row, messages, where, self.language, self.domain, self.stored.read, self.limits)

    def size(self, item: tuple[dict[str, Any], str]) -> int:
        images = [one for key in ("image", "images") for one in listed(item[0].get(key))]
        images += [one for video in listed(item[0].get("videos")) for one in listed(video)]
        return sum(len(one["bytes"]) for one in images if isinstance(one, dict) and isinstance(one.get("bytes"), bytes))


def _features(data: Any) -> dict[str, Any]:
    """Return column → type. A streamed dataset may not know: then the first row tells the columns' names."""
    return dict(data.features or dict.fromkeys(next(iter(data), {})))


def _is_image(feature: Any) -> bool:
    import datasets

    inner = feature.feature if isinstance(feature, datasets.List) else feature
    return isinstance(inner, datasets.Image)


def _undecoded(feature: Any) -> Any:
    """Return the same feature with images left undecoded, because only collect opens them."""
    import datasets

    if isinstance(feature, datasets.Image):
        return datasets.Image(decode=False)
    if isinstance(feature, datasets.List):
        return datasets.List(_undecoded(feature.feature), length=feature.length)
    if isinstance(feature, dict):
        return {name: _undecoded(inner) for name, inner in feature.items()}
    return feature
