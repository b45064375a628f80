"""Hash images: give each image a perceptual hash, by which near-duplicates are found, in the order of its store."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from ain.engine.local import HERE
from ain.metrics.near_duplicates import perceptual_hash
from ain.runtime.progress import progress
from ain.storage.images import ImageStore
from ain.storage.shards import Shards

SCHEMA = pa.schema([("hash", pa.uint64())])


def hash_images(collect: Path, out: Path, engine: Any = HERE) -> dict[str, Any]:
    """Write a shard for each shard of the image store, and return the counts."""
    shards = Shards(out, SCHEMA).create()
    missing = [index for index in range(len(ImageStore(collect))) if not shards.done(index)]
    with progress("hash images", total=len(missing), unit="shard") as bar:
        for index, hashes in zip(missing, engine.spread(Hashing(collect), "shard", missing), strict=True):
            shards.write(index, [{"hash": one} for one in hashes])
            bar.update()
    count = shards.count()
    return {"input": count, "kept": count, "rejected": 0}


class Hashing:
    libraries = ("imagehash",)

    def __init__(self, collect: Path) -> None:
        self._collect = collect

    def shard(self, index: int) -> list[int]:
        store = ImageStore(self._collect)
        return [perceptual_hash(store.image((index, row))) for row in range(len(store.names(index)))]
