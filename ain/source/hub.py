"""Read a dataset from the Hugging Face hub, or one saved on disk by `datasets`, and map its columns to ours."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ain import UserError
from ain.runtime.ranges import Positive
from ain.source import Found, Medium
from ain.source.conversation import language, turns
from ain.source.folder import listed, name_of, read
from ain.storage.digests import folder_digest
from ain.storage.revisions import commit
from ain.text.languages import LanguageChoice

Column = Literal["id", "image", "images", "question", "answer", "conversations", "language"]


class Hub:
    """path: a hub id or a directory. columns: our name → the dataset's column, or null if it has none, for id,
    image(s), language, and either question and answer or conversations (in LLaVA's or the messages format).
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
    ) -> None:
        self.path, self.name, self.split, self.revision = path, name, split, revision
        self.columns = {ours: theirs for ours, theirs in columns.items() if theirs}
        self.domain = domain
        self.limit = limit
        self.language = language

    def digest(self) -> str | None:
        """Return the digest of a directory's listing, or the commit of a dataset on the hub."""
        return folder_digest(Path(self.path)) if Path(self.path).is_dir() else self._commit()

    def _commit(self) -> str | None:
        return commit(self.path, self.revision or "main", "dataset") or self.revision

    def rows(self) -> Iterator[Found]:
        import datasets

        data = self._load()
        unknown = [theirs for theirs in self.columns.values() if theirs not in data.column_names]
        if unknown:
            raise UserError(
                f"source.columns: {self.path} has no column {unknown[0]}; choose among {', '.join(data.column_names)}"
            )
        data = data.cast(datasets.Features({name: _undecoded(feature) for name, feature in data.features.items()}))
        for number, row in enumerate(data, 1):
            if self.limit is not None and number > self.limit:
                return
            yield self._found(
                {ours: row[theirs] for ours, theirs in self.columns.items()}, f"{self.split}, row {number}"
            )

    def _load(self) -> Any:
        import datasets

        try:
            if any((Path(self.path) / name).exists() for name in ("state.json", "dataset_dict.json")):
                saved = datasets.load_from_disk(self.path)
                return saved[self.split] if isinstance(saved, dict) else saved
            return datasets.load_dataset(self.path, self.name, split=self.split, revision=self._commit())
        except (
            datasets.exceptions.DatasetsError,
            ConnectionError,
            FileNotFoundError,
            ValueError,
            KeyError,
            OSError,
        ) as error:
            raise UserError(
                f"source.path={self.path}: cannot be loaded ({str(error).splitlines()[0]}); check id, split and network"
            ) from None

    def _found(self, row: dict[str, Any], where: str) -> Found:
        images = [image for image in listed(row.get("images")) + listed(row.get("image")) if image]
        messages = row.get("conversations")
        if messages is None:
            messages = [
                {"role": "user", "content": row.get("question")},
                {"role": "assistant", "content": row.get("answer")},
            ]
        made, reasons = turns(messages, len(images))
        spoken, unknown = language(self.language, row.get("language"), made)
        record = {
            "id": name_of(row.get("id"), where),
            "domain": self.domain,
            "origin": "authentic",
            "language": spoken,
            "turns": made,
        }
        return Found(where, record, [Medium([partial(_opened, image)]) for image in images], reasons + unknown)


def _undecoded(feature: Any) -> Any:
    """Return the same feature with images left undecoded, because only collect opens them."""
    import datasets

    if isinstance(feature, datasets.Image):
        return datasets.Image(decode=False)
    if isinstance(feature, datasets.List):
        return datasets.List(_undecoded(feature.feature), length=feature.length)
    return feature


def _opened(image: Any) -> bytes:
    """Return the bytes of an image, given as {"bytes", "path"}, which is how `datasets` stores images, or as a path."""
    if isinstance(image, str):
        return read(Path(image))
    data = image.get("bytes")
    return data if data is not None else read(Path(image["path"]))
