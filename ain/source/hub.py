"""A data set of the Hugging Face hub, or one saved on disk by `datasets`, with a map from its columns to ours."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ain import UserError
from ain.source import Found
from ain.source.conversation import exchanges, language
from ain.source.folder import _read
from ain.stage import folder_digest


class Hub:
    """path: a hub id or a directory; columns: which of its columns is our id, image(s), and either question and answer
    or conversations (turns in LLaVA's or in messages format); null = it has none.
    """

    def __init__(
        self,
        path: str,
        columns: dict[str, str | None],
        name: str | None = None,
        split: str = "train",
        revision: str | None = None,
        domain: str = "general",
        limit: int | None = None,
    ) -> None:
        self.path, self.name, self.split, self.revision = path, name, split, revision
        self.columns = {ours: theirs for ours, theirs in columns.items() if theirs}
        self.domain = domain
        self.limit = limit

    def digest(self) -> str | None:
        """Of a directory its listing; a hub's content is named by its revision, which the settings hold."""
        return folder_digest(Path(self.path)) if Path(self.path).is_dir() else None

    def rows(self) -> Iterator[Found]:
        import datasets

        data = self._load()
        unknown = [theirs for theirs in self.columns.values() if theirs not in data.column_names]
        if unknown:
            raise UserError(
                f"source.columns: {self.path} has no column {unknown[0]}; choose among {', '.join(data.column_names)}"
            )
        for column, feature in data.features.items():
            if isinstance(feature, datasets.Image):
                data = data.cast_column(column, datasets.Image(decode=False))
        for number, row in enumerate(data, 1):
            if self.limit is not None and number > self.limit:
                return
            yield self._found(
                {ours: row[theirs] for ours, theirs in self.columns.items()}, f"{self.split}, row {number}"
            )

    def _load(self) -> Any:
        import datasets

        try:
            if (Path(self.path) / "state.json").exists():
                return datasets.load_from_disk(self.path)
            return datasets.load_dataset(self.path, self.name, split=self.split, revision=self.revision)
        except (datasets.exceptions.DatasetsError, ConnectionError, FileNotFoundError, ValueError, OSError) as error:
            raise UserError(
                f"source.path={self.path}: cannot be loaded ({str(error).splitlines()[0]}); check id, split and network"
            ) from None

    def _found(self, row: dict[str, Any], where: str) -> Found:
        images = [image for image in _images(row.get("images")) + _images(row.get("image")) if image]
        turns = row.get("conversations")
        if turns is None:
            turns = [
                {"role": "user", "content": row.get("question")},
                {"role": "assistant", "content": row.get("answer")},
            ]
        made, reasons = exchanges(turns, len(images))
        record = {"id": str(row.get("id") or where), "domain": self.domain, "origin": "authentic", language(made): made}
        return Found(where, record, [partial(_opened, image) for image in images], reasons)


def _images(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _opened(image: dict[str, Any]) -> bytes:
    data = image.get("bytes")
    return data if data is not None else _read(Path(image["path"]))
