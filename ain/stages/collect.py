"""Collect: read a source, open and store its images, and reject unusable records with every reason."""

import errno
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ain import UserError
from ain.runtime.progress import progress
from ain.source import Found
from ain.storage.images import BadImage, ImageStore, checked
from ain.storage.record import RECORD, Row, images_of, rejection
from ain.storage.shards import SHARD_ROWS, Shards


def collect(source: Any, out: Path) -> dict[str, Any]:
    shards, store = Shards(out).create(), ImageStore(out)
    name = type(source).__name__.lower()
    ids: set[str] = set()
    stored: set[str] = set()
    with progress("collect", unit="record") as bar:
        for index, batch in enumerate(_batches(source.rows())):
            if not shards.done(index):
                _shard(index, batch, name, shards, store, ids, stored)
            ids.update(row["id"] for row in shards.read(index, ["id"]))
            stored.update(sha for row in shards.read(index, ["media"]) for sha in images_of(row))
            bar.update(len(batch))
    kept, rejected = shards.count(), shards.count("rejected")
    if kept == 0:
        reasons = Counter(reason for row in shards.rows(["reasons"], "rejected") for reason in row["reasons"])
        why = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3)) or "it has no rows"
        raise UserError(f"the source gave no usable record: {why}")
    languages = dict(Counter(row["language"] for row in shards.rows(["language"])))
    return {
        "input": kept + rejected,
        "kept": kept,
        "rejected": rejected,
        "images": len(stored),
        "languages": languages,
    }


def lacking(out: Path, names: list[str]) -> list[str]:
    """Return the ids that no kept record has."""
    missing = set(names)
    for row in Shards(out).rows(["id"]):
        missing.discard(row["id"])
    return [name for name in names if name in missing]


def _batches(rows: Iterator[Found]) -> Iterator[list[Found]]:
    while batch := list(islice(rows, SHARD_ROWS)):
        yield batch


def _shard(
    index: int, batch: list[Found], source: str, shards: Shards, store: ImageStore, ids: set[str], stored: set[str]
) -> None:
    kept: list[Row] = []
    rejected: list[Row] = []
    here: set[str] = set()
    with store.writing(index) as shard:
        for found in batch:
            identifier = found.record["id"]
            media, reasons = _open(found)
            if identifier in ids or identifier in here:
                reasons.append(f"duplicate id: {identifier}")
            if reasons:
                rejected.append(rejection(identifier, reasons, found.where))
                continue
            here.add(identifier)
            for sha, data, width, height in (image for medium in media for image in medium["images"]):
                if sha not in stored:
                    shard.add(sha, data, width, height)
                    stored.add(sha)
            named = [{**medium, "images": [sha for sha, *_ in medium["images"]]} for medium in media]
            kept.append({**dict.fromkeys(RECORD.names), **found.record, "source": source, "media": named})
    shards.write(index, kept, rejected)


def _open(found: Found) -> tuple[list[Row], list[str]]:
    """Return a row's media with (sha256, bytes, width, height) of each image, and every reason to reject the row."""
    media, reasons = [], list(found.reasons)
    for medium in found.media:
        opened = []
        for read in medium.images:
            try:
                data = read()
                sha, width, height = checked(data)
                opened.append((sha, data, width, height))
            except BadImage as error:
                reasons.append(str(error))
            except (OSError, ValueError) as error:  # no such file, or a name that is too long or has a zero byte
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EMFILE):
                    raise
                reasons.append(f"image not found: {str(getattr(error, 'filename', None) or error)[:120]}")
        media.append({"kind": medium.kind, "images": opened, "fps": medium.fps})
    return media, reasons
