"""Read W&B's own files. W&B writes them in blocks of 32 KiB: what a killed job was still to write is not in them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32_768


def files(folder: Path) -> list[Path]:
    """Return the files of a run, in the order in which they were begun."""
    return sorted(folder.glob("wandb/*run-*/run-*.wandb"), key=lambda path: path.parent.name.removeprefix("offline-"))


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows that were logged, with W&B's number of each as `_step`."""
    found = (record.history.item for record in records(path) if record.WhichOneof("record_type") == "history")
    return [{"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items} for items in found]


def records(path: Path) -> Iterator[Any]:
    """Yield W&B's records up to the end, or to what a kill has cut off."""
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    for data in _logged(path.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        yield record


def _logged(data: bytes) -> Iterator[bytes]:
    """Yield entries of LevelDB's log: blocks with pieces of checksum, length and kind (1: whole, 4: last of several)."""
    at, entry = 7, b""  # the file begins with seven bytes of W&B's
    while at + 7 <= len(data):
        if (left := BLOCK - at % BLOCK) < 7:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        if kind == 0 or at + 7 + length > len(data):
            return
        entry += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield entry
            entry = b""
