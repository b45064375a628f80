"""Collect: read a source, open and pack its pictures, and turn away what cannot be used, with every reason."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ain import UserError
from ain.images import BadImage, ImagePacks, checked
from ain.progress import progress
from ain.record import RECORD, SHARD_ROWS, Row, Shards, rejection
from ain.source import Found


def collect(source: Any, out: Path) -> dict[str, Any]:
    shards, packs = Shards(out).create(), ImagePacks(out)
    name = type(source).__name__.lower()
    ids: set[str] = set()
    packed: set[str] = set()
    with progress("collect", unit="record") as bar:
        for index, batch in enumerate(_batches(source.rows())):
            if not shards.done(index):
                _shard(index, batch, name, shards, packs, ids, packed)
            ids.update(row["id"] for row in shards.read(index, ["id"]))
            packed.update(sha for row in shards.read(index, ["images"]) for sha in row["images"])
            bar.update(len(batch))
    kept, rejected = shards.count(), shards.count("rejected")
    if kept == 0:
        reasons = Counter(reason for row in shards.rows(["reasons"], "rejected") for reason in row["reasons"])
        why = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3)) or "it has no rows"
        raise UserError(f"the source gave no usable record: {why}")
    languages = Counter("arabic" if row["arabic"] else "english" for row in shards.rows(["arabic"]))
    return {"input": kept + rejected, "kept": kept, "rejected": rejected, "images": len(packed), **languages}


def _batches(rows: Iterator[Found]) -> Iterator[list[Found]]:
    while batch := list(islice(rows, SHARD_ROWS)):
        yield batch


def _shard(
    index: int, batch: list[Found], source: str, shards: Shards, packs: ImagePacks, ids: set[str], packed: set[str]
) -> None:
    kept: list[Row] = []
    rejected: list[Row] = []
    pictures: dict[str, tuple[bytes, int, int]] = {}
    here: set[str] = set()
    for found in batch:
        identifier = found.record["id"]
        reasons = list(found.reasons)
        if identifier in ids or identifier in here:
            reasons.append(f"duplicate id: {identifier}")
        names = [_open(found, number, pictures, packed, reasons) for number in range(len(found.images))]
        if reasons:
            rejected.append(rejection(identifier, reasons, found.where))
            continue
        here.add(identifier)
        kept.append({**dict.fromkeys(RECORD.names), **found.record, "source": source, "images": names})
    used = {sha for row in kept for sha in row["images"]}
    packs.write(index, {sha: picture for sha, picture in pictures.items() if sha in used})
    shards.write(index, kept, rejected)


def _open(
    found: Found, number: int, pictures: dict[str, tuple[bytes, int, int]], packed: set[str], reasons: list[str]
) -> str:
    """The name of one picture of a row, taken into `pictures` if it is new; what is wrong with it goes to `reasons`."""
    try:
        data = found.images[number]()
        sha, width, height = checked(data)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        reasons.append(f"image not found: {error.filename}")
    except BadImage as error:
        reasons.append(str(error))
    else:
        if sha not in packed:
            pictures[sha] = data, width, height
        return sha
    return ""
