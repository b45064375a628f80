"""Flip single bits in the files of a finished run, read each file as a command would, and count what came of it.

A process of its own, because a flipped bit once crashed the interpreter: `python tests/flips.py OUTPUTS SEED COUNT`.
"""

import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from ain.storage.damage import Damaged
from ain.storage.images import ImageStore
from ain.storage.ledger import Ledger
from ain.storage.listing import LISTING, Listing, listing_of, verified, verified_tree
from ain.storage.manifest import MARKER, read_manifest
from ain.storage.shards import Shards
from ain.storage.tables import read_table


def read(path: Path) -> Any:
    """Return what a command reads from a file."""
    if path.name == "ledger.sqlite":
        ledger = Ledger(path)
        found = [ledger._database.execute(f"SELECT * FROM {name}").fetchall() for name in ("answers", "spent")]
        ledger.close()
        return found
    if path.name == MARKER:
        return read_manifest(path.parent)
    if "checkpoints" in path.parts:
        root = next(above for above in path.parents if above.parent.name == "checkpoints")
        mark = root if root.name.startswith(".") else root.with_name(f".{root.name}")
        return Listing(mark, root.with_name(root.name.lstrip("."))).compare_all()
    if path.name == LISTING:
        return listing_of(path.parent).entries
    if path.parent.name == "images":
        store, shard = ImageStore(path.parents[1]), int(path.stem)
        places = [(shard, row) for row in range(len(store.names(shard)))]
        return store.names(shard), [(store.bytes(place), store.size(place)) for place in places]
    if path.parent.name in ("kept", "rejected"):
        return Shards(path.parents[1], suffix=path.suffix[1:]).read(int(path.stem), part=path.parent.name)
    if path.parent.name == "checkpoint":
        return verified_tree(path.parent) and path.read_bytes()
    return read_table(path) if path.suffix == ".csv" else verified(path).read_bytes()


def files(outputs: Path) -> list[Path]:
    found = [*(outputs / "data").rglob("*"), *(outputs / "checkpoints").rglob("*"), outputs / "ledger.sqlite"]
    return sorted(path for path in found if path.is_file() and path.name != ".lock" and path.stat().st_size)


def outcome(path: Path, random: random.Random) -> str:
    """Flip one bit, read the file and put it back."""
    before, data = read(path), path.read_bytes()
    changed, place = bytearray(data), random.randrange(len(data))
    changed[place] ^= 1 << random.randrange(8)
    path.write_bytes(changed)
    try:
        after = read(path)
    except Damaged:
        return "noticed"
    else:
        return "the same" if repr(after) == repr(before) else f"used in silence: {path}, byte {place}"
    finally:
        path.write_bytes(data)


def main(outputs: Path, seed: int, count: int) -> None:
    draw, every = random.Random(seed), files(outputs)
    each = [every[i % len(every)] if i < len(every) else draw.choice(every) for i in range(count)]
    print(json.dumps(Counter(outcome(path, draw) for path in each)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
