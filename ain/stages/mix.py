"""Mix: draw training conversations from the parts of the mixture, each in its language and with its weight.

Duplicates are rejected, images are split into training and validation, and references to images are resolved to
(store, shard, row), so that training needs no index.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.model.samples import IMAGE_REFERENCE, STORES, ImageStores
from ain.source.mixture import Mixture, Part
from ain.storage.files import replace_text
from ain.storage.images import ImageStore
from ain.storage.record import TURNS, Row, images_of, media, rejection
from ain.storage.shards import SHARD_ROWS, SPAN, Shards
from ain.storage.tables import write_table

TEXTS = ("id", "part", "source", "origin", "domain", "language", "split")
TITLE = "What the model is trained on"
SHOWN = {"mixture": "Conversations by part, source and domain, in training and validation."}
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in TEXTS),
        ("media", media(IMAGE_REFERENCE)),
        ("turns", TURNS),
    ]
)


def mix(parts: dict[str, dict[str, Any]], mixture: Mixture, seed: int, out: Path) -> dict[str, Any]:
    shards = Shards(out, SCHEMA).create()
    stores = list(dict.fromkeys(inputs["collect"] for inputs in parts.values()))
    names = [ImageStore(store).index() for store in stores]
    drawn = (
        row
        for name, inputs in parts.items()
        for row in _part(
            name,
            mixture.parts[name],
            inputs,
            names[stores.index(inputs["collect"])],
            stores.index(inputs["collect"]),
            mixture.validation,
            seed,
        )
    )
    seen: set[bytes] = set()
    kept: list[Row] = []
    rejected: list[Row] = []
    index = 0
    for row in drawn:
        reason = _against(row, seen)
        if reason:
            rejected.append(rejection(row["id"], [reason]))
        else:
            kept.append(row)
        if len(kept) + len(rejected) == SHARD_ROWS:
            _write(shards, index, kept, rejected)
            kept, rejected, index = [], [], index + 1
    _write(shards, index, kept, rejected)
    replace_text(out / STORES, json.dumps({"stores": [store.name for store in stores], "images": mixture.images}))
    return _counts(shards, out)


def _write(shards: Shards, index: int, kept: list[Row], rejected: list[Row]) -> None:
    """Write a shard, unless a killed run wrote it: it is the same, because drawing depends on the seed alone."""
    if not shards.done(index):
        shards.write(index, kept, rejected)


def _part(
    name: str,
    part: Part,
    inputs: dict[str, Any],
    places: dict[str, tuple[int, int]],
    store: int,
    validation: float,
    seed: int,
) -> Iterator[Row]:
    """Yield the rows of one part: the usable records in its language, repeated according to its weight."""
    records = Shards(inputs["collect"])
    for index in range(len(records)):
        if index % SPAN == 0:
            usable = _usable(inputs["select"], index // SPAN, part.translate)
        translations = Shards(inputs["translate"]).by_id(index, ["language", "turns"]) if part.translate else {}
        for record in records.read(index):
            given = translations.get(record["id"], {}) if part.translate else record
            if record["id"] not in usable or not given.get("turns"):
                continue
            if given["language"] != part.language:
                if part.translate:
                    raise UserError(
                        f"mixture.parts.{name}.language={part.language}: the records were translated into "
                        f"{given['language']}; set translator.target={part.language}"
                    )
                continue
            for copy in range(_copies(part.weight, seed, name, record["id"])):
                yield {
                    "id": f"{record['id']}/{name}/{copy}",
                    "copy": copy,  # copies due to the weight are no duplicates; not stored
                    "part": name,
                    "source": record["source"],
                    "origin": "translated" if part.translate else record["origin"],
                    "domain": record["domain"],
                    "language": part.language,
                    "split": _split(list(images_of(record)) or [record["id"]], validation, seed),
                    "media": [placed(medium, places, store) for medium in record["media"]],
                    "turns": given["turns"],
                }


def placed(medium: Row, places: dict[str, tuple[int, int]], store: int) -> Row:
    """Return the medium with its images' names replaced by their places."""
    keys = ("store", "shard", "row")
    named = [dict(zip(keys, (store, *places[sha]), strict=True)) for sha in medium["images"]]
    return {**medium, "images": named}


def _usable(select: Path, index: int, translated: bool) -> set[str]:
    """Return the usable ids of one of select's shards; for originals, also those with only the translation rejected."""
    verdicts = Shards(select)
    kept = {row["id"] for row in verdicts.read(index, ["id"])}
    rejected = [] if translated else verdicts.read(index, ["id", "original_usable"], "rejected")
    return kept | {row["id"] for row in rejected if row["original_usable"]}


def _copies(weight: float, seed: int, part: str, identifier: str) -> int:
    whole = int(weight)
    return whole + (Random(f"weight {seed} {part} {identifier}").random() < weight - whole)


def _split(keys: list[str], share: float, seed: int) -> str:
    """Return the split by image, so that no image is in both; "both" if a record's images are in different splits."""
    sides = {"validation" if Random(f"split {seed} {key}").random() < share else "train" for key in keys}
    return sides.pop() if len(sides) == 1 else "both"


def _against(row: Row, seen: set[bytes]) -> str | None:
    if row["split"] == "both":
        return "its images fall into training and validation"
    content = json.dumps([row["media"], row["turns"], row["copy"]], ensure_ascii=False)
    key = hashlib.blake2b(content.encode(), digest_size=12).digest()
    if key in seen:
        return "duplicate of a record before it"
    seen.add(key)
    return None


def _counts(shards: Shards, out: Path) -> dict[str, Any]:
    kept, rejected = shards.count(), shards.count("rejected")
    rows: Counter[tuple[str, ...]] = Counter(tuple(row[name] for name in TEXTS[1:]) for row in shards.rows(list(TEXTS)))
    if not any(key[-1] == "train" for key in rows):
        raise UserError(
            "nothing is left to train on: every record was rejected or in another language than the mixture's parts; try "
            "thresholds=loose, or look into the select stage's rejected/ for the reasons"
        )
    write_table(
        out / "tables" / "mixture.csv",
        [dict(zip(TEXTS[1:], key, strict=True)) | {"records": count} for key, count in sorted(rows.items())],
    )
    by = {name: _sums(rows, i) for i, name in enumerate(TEXTS[1:])}
    return {"input": kept + rejected, "kept": kept, "rejected": rejected, **by}


def _sums(rows: "Counter[tuple[str, ...]]", column: int) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for key, count in rows.items():
        sums[key[column]] += count
    return dict(sorted(sums.items()))


def exported(out: Path, follows: dict[str, Any]) -> Iterator[tuple[Row, Any]]:
    """Yield each conversation and a function that returns the bytes of an image that it refers to."""
    images = ImageStores(out)
    for row in Shards(out).rows():
        yield row, images.bytes
