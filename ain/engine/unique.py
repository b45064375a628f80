"""Compute once for each distinct text: number the texts, and keep results in blocks on disk that survive a kill.

Blocks follow the order in which texts first appear, whatever was done before an interruption, so a resumed run computes
exactly the batches of an uninterrupted one. Memory holds the distinct texts; results stay on disk.
"""

import mmap
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather

from ain.runtime.progress import progress
from ain.storage.listing import nearest, replace_listed, verified

BLOCK = 4_096


class Unique:
    """Distinct texts, or pairs of texts, numbered in the order in which they first appear."""

    def __init__(self, texts: Iterable[Hashable]) -> None:
        self.number: dict[Any, int] = {}
        for text in texts:
            self.number.setdefault(text, len(self.number))

    def __len__(self) -> int:
        return len(self.number)

    def numbers(self, texts: Iterable[Hashable]) -> np.ndarray:
        return np.fromiter((self.number[text] for text in texts), np.int64)

    def translate(self, directory: Path, translator: Any, engine: Any, what: str) -> list[str | None]:
        """Return a translation, or None, for each distinct text."""
        paths = self._compute(directory, "arrow", translator, "translate", engine, what, _feather)
        return [text for path in paths for text in feather.read_table(verified(path))["text"].to_pylist()]

    def arrays(self, directory: Path, part: Any, method: str, engine: Any, what: str) -> "Arrays":
        """Return what the part's method computes for each distinct text: a number or a vector."""
        return Arrays(self._compute(directory, "npy", part, method, engine, what, _save))

    def _compute(
        self,
        directory: Path,
        suffix: str,
        part: Any,
        method: str,
        engine: Any,
        what: str,
        save: Callable[[Any, Path], None],
    ) -> list[Path]:
        """Return the files of all blocks. The engine computes those that are missing."""
        directory.mkdir(parents=True, exist_ok=True)
        paths = [directory / f"{block:05d}.{suffix}" for block in range(-(-len(self) // BLOCK))]
        listing = nearest(directory)
        missing = {path: None for path in paths if not path.exists() or (listing and not listing.entry(path))}
        with progress(what, total=len(self), unit="text") as bar:
            bar.update(min(len(self), BLOCK * (len(paths) - len(missing))))
            blocks = (texts for path, texts in zip(paths, self._blocks(), strict=True) if path in missing)
            for path, made in zip(missing, engine.map(part, method, blocks), strict=True):
                replace_listed(path, partial(save, made))
                bar.update(len(made))
        return paths

    def _blocks(self) -> Iterator[list[Any]]:
        texts = iter(self.number)
        while block := list(islice(texts, BLOCK)):
            yield block


class Arrays:
    """Memory-mapped rows by number. What was read does not stay in memory."""

    def __init__(self, paths: list[Path]) -> None:
        self._blocks = [np.load(verified(path), mmap_mode="r") for path in paths]

    def take(self, numbers: np.ndarray) -> np.ndarray:
        """Return the rows with these numbers, of shape [len(numbers), ...]."""
        made = np.empty((len(numbers), *self._blocks[0].shape[1:]), np.float32) if self._blocks else np.empty(0)
        blocks, rows = np.divmod(numbers, BLOCK)
        for block in np.unique(blocks):
            here = blocks == block
            made[here] = self._blocks[block][rows[here]]
            self._blocks[block]._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
        return made


def _feather(texts: list[str | None], path: Path) -> None:
    feather.write_feather(pa.table({"text": pa.array(texts, pa.string())}), str(path), compression="uncompressed")


def _save(vectors: Any, path: Path) -> None:
    with open(path, "wb") as file:
        np.save(file, np.asarray(vectors, dtype=np.float32))
