"""Compute once for each distinct text: an index of texts, results in blocks on disk that survive a kill.

Blocks follow the order in which texts first appear, whatever was done before an interruption, so that a resumed run
computes the very batches of an undisturbed one. Memory holds the distinct texts and their translations; vectors are mapped.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather

from ain.progress import progress
from ain.record import replace_file

BLOCK = 4_096


class Once:
    """Distinct texts, numbered as they first appear."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.number: dict[str, int] = {}
        for text in texts:
            self.number.setdefault(text, len(self.number))

    def __len__(self) -> int:
        return len(self.number)

    def _blocks(self) -> Iterator[tuple[int, list[str]]]:
        texts = list(self.number)
        for start in range(0, len(texts), BLOCK):
            yield start // BLOCK, texts[start : start + BLOCK]

    def translate(self, directory: Path, translator: Any, engine: Any, what: str) -> list[str | None]:
        """One text for each distinct text, or None."""
        directory.mkdir(parents=True, exist_ok=True)
        paths = {block: directory / f"{block:05d}.arrow" for block, _ in self._blocks()}
        missing = [(block, texts) for block, texts in self._blocks() if not paths[block].exists()]
        with progress(what, total=len(self), unit="text") as bar:
            bar.update(len(self) - sum(len(texts) for _, texts in missing))
            made = engine.map(translator, "translate", [texts for _, texts in missing])
            for (block, texts), translations in zip(missing, made, strict=True):
                table = pa.table({"text": pa.array(translations, pa.string())})
                replace_file(paths[block], partial(_feather, table))
                bar.update(len(texts))
        return [text for path in paths.values() for text in feather.read_table(path)["text"].to_pylist()]

    def embed(
        self, directory: Path, compute: Callable[[list[str]], np.ndarray], what: str
    ) -> Callable[[str], np.ndarray]:
        """A look-up from text to its vector [dimension], memory-mapped."""
        directory.mkdir(parents=True, exist_ok=True)
        blocks: list[np.ndarray] = []
        with progress(what, total=len(self), unit="text") as bar:
            for block, texts in self._blocks():
                path = directory / f"{block:05d}.npy"
                if not path.exists():
                    vectors = np.asarray(compute(texts), dtype=np.float32)
                    replace_file(path, lambda temporary, vectors=vectors: _save(temporary, vectors))
                blocks.append(np.load(path, mmap_mode="r"))
                bar.update(len(texts))

        def vector(text: str) -> np.ndarray:
            block, row = divmod(self.number[text], BLOCK)
            return blocks[block][row]

        return vector


def _feather(table: pa.Table, path: Path) -> None:
    feather.write_feather(table, str(path), compression="uncompressed")


def _save(path: Path, vectors: np.ndarray) -> None:
    with open(path, "wb") as file:
        np.save(file, vectors)
