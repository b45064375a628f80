"""Collect: read a source, open and store its images, and reject unusable records with every reason."""

import errno
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

from ain import UserError
from ain.engine.local import HERE
from ain.runtime.console import log
from ain.runtime.progress import progress
from ain.source import Found, Source
from ain.storage.images import BadImage, ImageStore, TooManyPixels, checked
from ain.storage.record import RECORD, Row, images_of, readable, rejection
from ain.storage.seen import Seen
from ain.storage.shards import SHARD_ROWS, Shards

BLOCK = 20  # rows sent to a worker together
BLOCK_BYTES = 8_000_000  # of such rows; fewer rows are sent where they are large
IMAGE_BYTES = 16_000_000  # of images that a block sends back; further ones are read again when they are stored
REASONS = 20  # of one rejection, the rest is counted
DOMAINS = 1_000  # later stages hold a count for each, and tables have a row for each


class Block(NamedTuple):
    """Rows of one shard as the source lists them. done: the shard is written, so its images need not be opened."""

    shard: int
    items: list[Any]
    done: bool


@dataclass
class Opened:
    """A row with its media; for each image (sha256, its bytes or how to read them again, width, height)."""

    found: Found
    media: list[Row]
    reasons: list[str]

    @property
    def held(self) -> int:
        """Return the bytes of its images."""
        images = (image for medium in self.media for image in medium["images"])
        return sum(len(data) for _, data, _, _ in images if isinstance(data, bytes))


class Opener:
    """Converts rows and opens their images, where the engine wants it."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def open(self, block: Block) -> tuple[int, list[Opened]]:
        made: list[Opened] = []
        room = IMAGE_BYTES
        for found in map(self.source.found, block.items):
            made.append(
                Opened(found, [], found.reasons) if block.done else _opened(found, self.source.max_pixels, room)
            )
            room -= made[-1].held
        return block.shard, made


def collect(source: Source, out: Path, engine: Any = HERE) -> dict[str, Any]:
    shards, store = Shards(out).create(), ImageStore(out)
    name = type(source).__name__.lower()
    ids, stored, added = Seen(), Seen(), Counter[str]()
    domains, languages = set[str](), Counter[str]()
    opened = engine.spread(Opener(source), "open", _blocks(source, shards))
    with progress("collect", unit="record") as bar:
        for index, blocks in groupby(opened, key=lambda block: block[0]):
            rows = _counting((row for _, some in blocks for row in some), bar)
            if shards.done(index):
                added += _known(rows, shards.read(index, ["id", "media"]), ids, stored)
            else:
                added += _shard(index, rows, name, shards, store, ids, stored)
            for row in shards.read(index, ["domain", "language"]):
                domains.add(row["domain"])
                languages[row["language"]] += 1
            if len(domains) > DOMAINS:
                raise UserError(
                    f"more than {DOMAINS:,} different domains; a domain is a kind of data, not a name of its own for each "
                    "row: leave `domain` out of the rows, or set source.columns.domain=null with source=hub"
                )
    kept, rejected = shards.count(), shards.count("rejected")
    if kept == 0:
        reasons = Counter(reason for row in shards.rows(["reasons"], "rejected") for reason in row["reasons"])
        why = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3)) or "it has no rows"
        raise UserError(f"the source gave no usable record: {why}")
    for what, records in sorted(added.items()):
        log.info(f"collect: {records:,} of {kept:,} records got {what}")
    return {
        "input": kept + rejected,
        "kept": kept,
        "rejected": rejected,
        "images": len(stored),
        "languages": dict(languages),
        **({"added": dict(sorted(added.items()))} if added else {}),
        **source.provenance(),
    }


def lacking(out: Path, names: list[str]) -> list[str]:
    """Return the ids that no kept record has."""
    missing = set(names)
    for row in Shards(out).rows(["id"]):
        missing.discard(row["id"])
    return [name for name in names if name in missing]


def _blocks(source: Source, shards: Shards) -> Iterator[Block]:
    items = source.items()
    for index in count():
        left = SHARD_ROWS
        while left and (block := _block(source, islice(items, min(BLOCK, left)))):
            yield Block(index, block, shards.done(index))
            left -= len(block)
        if left:
            return


def _block(source: Source, items: Iterator[Any]) -> list[Any]:
    block, taken = [], 0
    while taken < BLOCK_BYTES and (item := next(items, None)) is not None:
        block.append(item)
        taken += source.size(item)
    return block


def _counting(rows: Iterable[Opened], bar: Any) -> Iterator[Opened]:
    for row in rows:
        yield row
        bar.update()


def _known(rows: Iterable[Opened], kept: list[Row], ids: Seen, stored: Seen) -> "Counter[str]":
    """Note the ids and images of a shard that a killed run wrote. Return what was added to its records."""
    left = {row["id"] for row in kept}
    added: Counter[str] = Counter()
    for row in rows:
        identifier = row.found.record["id"]
        if identifier in left and not row.reasons:
            left.remove(identifier)
            added.update(row.found.added)
    for record in kept:
        ids.add(record["id"])
        for sha in images_of(record):
            stored.add(sha)
    return added


def _shard(
    index: int, rows: Iterable[Opened], source: str, shards: Shards, store: ImageStore, ids: Seen, stored: Seen
) -> "Counter[str]":
    """Write a shard. Return what was added to its records."""
    kept: list[Row] = []
    rejected: list[Row] = []
    added: Counter[str] = Counter()
    with store.writing(index) as shard:
        for row in rows:
            found, identifier, reasons = row.found, row.found.record["id"], row.reasons
            if identifier is not None and identifier in ids:
                reasons = [*reasons, f"duplicate id: {identifier}"]
            if reasons:
                rejected.append(rejection(identifier, _stated(reasons), found.where))
                continue
            ids.add(identifier)
            for sha, data, width, height in (image for medium in row.media for image in medium["images"]):
                if stored.add(sha):
                    shard.add(sha, data if isinstance(data, bytes) else _again(data, sha), width, height)
            named = [{**medium, "images": [sha for sha, *_ in medium["images"]]} for medium in row.media]
            kept.append({**dict.fromkeys(RECORD.names), **found.record, "source": source, "media": named})
            added.update(found.added)
    shards.write(index, kept, rejected)
    return added


def _stated(reasons: list[str]) -> list[str]:
    """Return the reasons as they can be stored, each once."""
    made = list(dict.fromkeys(map(readable, reasons)))
    return made if len(made) <= REASONS else [*made[:REASONS], f"and {len(made) - REASONS} more reasons"]


def _again(read: Callable[[], bytes], sha: str) -> bytes:
    data = read()
    if hashlib.sha256(data).hexdigest() != sha:
        raise UserError(
            "an image was changed while collect read it; run the same command again when the data stay as they are"
        )
    return data


def _opened(found: Found, max_pixels: int, room: int) -> Opened:
    """Open a row's images, with every reason to reject the row. What is rejected keeps no images."""
    media, reasons = [], list(found.reasons)
    for medium in found.media:
        images = []
        for read in medium.images:
            try:
                data = read()
                sha, width, height = checked(data, max_pixels)
                room -= len(data)
                images.append((sha, data if room >= 0 else read, width, height))
            except TooManyPixels as error:
                reasons.append(f"{error}; the limit is source.max_pixels")
            except BadImage as error:
                reasons.append(str(error))
            except (OSError, ValueError) as error:  # no such file, or a name that is too long or has a zero byte
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EMFILE):
                    raise
                reasons.append(_unread(error))
        media.append({"kind": medium.kind, "images": images, "fps": medium.fps})
    found.media = []  # read, and not to be sent back
    return Opened(found, [] if reasons else media, reasons)


def _unread(error: OSError | ValueError) -> str:
    name = str(getattr(error, "filename", None) or error)[:120]
    if getattr(error, "errno", None) in (errno.EINVAL, errno.EACCES, errno.EISDIR, errno.ENXIO):
        return f"image cannot be read ({getattr(error, 'strerror', '')}): {name}"
    return f"image not found: {name}"
