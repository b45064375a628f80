"""Open a data set for evaluation: its rows are memory-mapped, so memory does not grow with their number."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ain import UserError
from ain.storage.digests import digest, folder_digest
from ain.storage.revisions import commit, has_data

_FILES = {".parquet": "parquet", ".json": "json", ".jsonl": "json", ".csv": "csv", ".tsv": "csv"}
_SAVED = ("state.json", "dataset_dict.json")  # what `save_to_disk` writes


@dataclass(frozen=True)
class Opened:
    """path: a hub id, a directory (saved with `datasets`, or of tables), or a file of JSON, CSV or Parquet. config: of a
    data set that has several; the folder of this name in a directory, if there is one."""

    path: str
    config: str | None = None
    revision: str | None = None

    @cached_property
    def place(self) -> Path:
        return Path(self.path).expanduser()

    @property
    def folder(self) -> Path:
        """Return where images that rows name by path are looked up."""
        return self.place.parent if self.place.is_file() else self._directory

    @property
    def _directory(self) -> Path:
        inner = self.place / (self.config or "")
        return inner if inner.is_dir() else self.place

    def digest(self) -> Any:
        """Return what identifies the data: a listing of files, or the commit on the hub."""
        if self.place.is_file():
            found = self.place.stat()
            return digest([found.st_size, found.st_mtime_ns])
        return folder_digest(self._directory) if self.place.is_dir() else self.commit()

    @property
    def is_missing(self) -> bool:
        """Return whether this is a data set of the hub that was never downloaded."""
        return not self.place.exists() and self._is_hub_id and not has_data(self.path)

    @property
    def _is_hub_id(self) -> bool:
        return self.path[:1] not in "./~" and self.path.count("/") == 1

    def commit(self) -> str | None:
        return commit(self.path, self.revision or "main", "dataset") or self.revision

    def split(self, name: str) -> Any:
        """Return a split as a `datasets.Dataset` of Arrow tables, images undecoded. Raise UserError if there is none."""
        import datasets
        import pyarrow as pa

        if not self.place.exists() and not self._is_hub_id:
            raise UserError(
                f"benchmark.path={self.path}: no such file or directory; give one, or a hub id such as ORG/NAME"
            )
        try:
            return self._loaded(name).with_format("arrow")
        except (datasets.exceptions.DatasetsError, pa.ArrowException, ConnectionError, ValueError, OSError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            if "gated" in str(error).lower():
                said = f"accept its licence first: https://huggingface.co/datasets/{self.path}, then set HF_TOKEN"
            raise UserError(
                f"benchmark.path={self.path}: split {name} cannot be loaded ({said}); check benchmark.path, "
                "benchmark.config, benchmark.split and the network, or give a directory"
            ) from None

    def _loaded(self, name: str) -> Any:
        import datasets

        if self.place.is_file():
            kind = _FILES.get(self.place.suffix.lower())
            if kind is None:
                raise UserError(f"benchmark.path={self.path}: no table; give a file that ends with {', '.join(_FILES)}")
            more = {"sep": "\t"} if self.place.suffix.lower() == ".tsv" else {}
            return datasets.load_dataset(kind, data_files=str(self.place), split="train", **more)
        if not self.place.exists():
            return datasets.load_dataset(self.path, self.config, split=name, revision=self.commit())
        if any((self._directory / file).exists() for file in _SAVED):
            saved = datasets.load_from_disk(str(self._directory))
            return self._split_of(saved, name) if isinstance(saved, dict) else saved
        config = None if self._directory != self.place else self.config
        known = config if config in datasets.get_dataset_config_names(str(self._directory)) else None
        return self._split_of(datasets.load_dataset(str(self._directory), known), name)

    def _split_of(self, found: dict[str, Any], name: str) -> Any:
        if name not in found:
            raise UserError(f"benchmark.split={name}: {self.path} has the splits {', '.join(found)}")
        return found[name]
