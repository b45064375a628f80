"""Find images by name without holding the names in memory: sorted, memory-mapped arrays, 24 bytes an image."""

from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from ain.storage.files import replace_file
from ain.storage.images import ImageStore, Reference
from ain.storage.seen import text_digest

KEY = np.dtype("S16")


class ImageIndex:
    """The index of one image store, in files that worker processes share."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, store: ImageStore) -> "ImageIndex":
        keys, places = [np.zeros(0, KEY)], [np.zeros((0, 2), np.int32)]
        for shard in range(len(store)):
            names = store.names(shard)
            keys.append(np.array([text_digest(name) for name in names], KEY))
            places.append(np.stack([np.full(len(names), shard), np.arange(len(names))], axis=1).astype(np.int32))
        found = np.concatenate(keys)
        order = np.argsort(found)
        self.path.mkdir(parents=True, exist_ok=True)
        replace_file(self.path / "places.npy", partial(_save, np.concatenate(places)[order]))
        replace_file(self.path / "keys.npy", partial(_save, found[order]))
        return self

    @cached_property
    def _arrays(self) -> tuple[Any, Any]:
        return np.load(self.path / "keys.npy", mmap_mode="r"), np.load(self.path / "places.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self._arrays[0])

    def __getitem__(self, name: str) -> Reference:
        """Return (shard, row). Raise KeyError for an image that is not there."""
        keys, places = self._arrays
        key = np.array(text_digest(name), KEY)[()]
        at = int(np.searchsorted(keys, key))
        if at == len(keys) or keys[at] != key:
            raise KeyError(name)
        return int(places[at, 0]), int(places[at, 1])


def _save(array: np.ndarray, path: Path) -> None:
    with open(path, "wb") as file:
        np.save(file, array)
