"""Mix: draw training conversations from the parts of the mixture, each in its language and with its weight.

Duplicates are rejected, images are split into training and validation, and references to images are resolved to
(store, shard, row), so that training needs no index.
"""

import hashlib
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.engine.local import HERE
from ain.model.samples import IMAGE_REFERENCE, STORES, ImageStores
from ain.review.overrides import texts
from ain.runtime.console import log
from ain.runtime.progress import progress
from ain.source.mixture import Mixture, Part
from ain.storage.files import replace_text
from ain.storage.image_index import ImageIndex
from ain.storage.images import ImageStore, Reference
from ain.storage.record import TURNS, Row, Turns, images_of, media, rejection
from ain.storage.seen import Seen
from ain.storage.shards import SHARD_ROWS, SPAN, Shards
from ain.storage.tables import write_table

TEXTS = ("id", "part", "source", "origin", "domain", "language", "split")
Places = ImageIndex | dict[str, Reference]  # name of an image → its place
TITLE = "What the model is trained on"
SHOWN = {
    "mixture": "Conversations by part, source and domain, in training and validation.",
    "shares": "Each part's share of the conversations in its language, and the one that was wanted, in percent.",
}
TOLERANCE = 0.02  # of a part's share, before a warning
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in TEXTS),
        ("media", media(IMAGE_REFERENCE)),
        ("turns", TURNS),
    ]
)


def mix(parts: dict[str, dict[str, Any]], mixture: Mixture, seed: int, out: Path, engine: Any = HERE) -> dict[str, Any]:
    shards = Shards(out, SCHEMA).create()
    stores = list(dict.fromkeys(inputs["collect"] for inputs in parts.values()))
    indexes = [ImageIndex(out / "index" / str(i)).create(ImageStore(store)) for i, store in enumerate(stores)]
    places = {store: (i, index) for i, (store, index) in enumerate(zip(stores, indexes, strict=True))}
    blocks = [(name, index) for name, inputs in parts.items() for index in range(len(Shards(inputs["collect"])))]
    drawing = Drawing(parts, mixture, places, seed)
    drawing.last = _last_drawn(drawing, blocks, engine)
    seen = Seen()
    kept: list[Row] = []
    rejected: list[Row] = []
    index = 0
    with progress("mix", total=len(blocks), unit="shard") as bar:
        for drawn in engine.spread(drawing, "draw", blocks):
            for row in drawn:
                if reason := _against(row, seen):
                    rejected.append(rejection(row["id"], [reason]))
                else:
                    kept.append(row)
                if len(kept) + len(rejected) == SHARD_ROWS:
                    _write(shards, index, kept, rejected)
                    kept, rejected, index = [], [], index + 1
            bar.update()
    _write(shards, index, kept, rejected)
    shutil.rmtree(out / "index")
    replace_text(out / STORES, json.dumps({"stores": [store.name for store in stores], "images": mixture.images}))
    counts = _counts(shards, out)
    return counts | {"shares": _shares(counts["part"], mixture, out)}


def _last_drawn(drawing: "Drawing", blocks: list[tuple[str, int]], engine: Any) -> dict[str, bytes]:
    """Return, for each part that is cut to a size, the greatest key that is drawn. Raise UserError for too few."""
    mixture, keys = drawing.mixture, defaultdict[str, list[bytes]](list)
    if mixture.size is None and not any(part.size for part in mixture.parts.values()):
        return {}
    for (name, _), found in zip(blocks, engine.spread(drawing, "keys", blocks), strict=True):
        keys[name] += found
    for name, part in mixture.parts.items():
        keys[name] = _smallest(keys[name], part.size, f"mixture.parts.{name}.size")
    every = _smallest([key for found in keys.values() for key in found], mixture.size, "mixture.size")
    last = max(every, default=b"")
    return {name: min(last, max(found, default=b"")) for name, found in keys.items()}


def _smallest(keys: list[bytes], size: int | None, named: str) -> list[bytes]:
    if size is not None and len(keys) < size:
        raise UserError(f"{named}={size}: only {len(keys):,} conversations are there; set a smaller one")
    return keys if size is None else sorted(keys)[:size]


def _write(shards: Shards, index: int, kept: list[Row], rejected: list[Row]) -> None:
    """Write a shard, unless a killed run wrote it: it is the same, because drawing depends on the seed alone."""
    if not shards.done(index):
        shards.write(index, kept, rejected)


class Drawing:
    """Draws the rows of a part from one shard of collect: the usable records in its language, repeated according to its
    weight. places: collect directory → (its number, the index of its images).
    """

    def __init__(
        self,
        parts: dict[str, dict[str, Any]],
        mixture: Mixture,
        places: dict[Path, tuple[int, ImageIndex]],
        seed: int,
    ) -> None:
        self.parts, self.mixture, self.places, self.seed = parts, mixture, places, seed
        self.last: dict[str, bytes] = {}  # part → the greatest key that is drawn, where it is cut to a size
        self._usable: tuple[Any, set[str]] = (None, set())  # those of the last span
        self._replaced: dict[str, dict[str, Row]] = {}  # part → id → a person's text in place of the translation

    def keys(self, block: tuple[str, int]) -> list[bytes]:
        """Return a random key of each row, by which a part is cut to a size."""
        return [self._key(row["id"]) for row in self.draw(block)]

    def _key(self, identifier: str) -> bytes:
        return hashlib.blake2b(f"size {self.seed} {identifier}".encode(), digest_size=8).digest()

    def draw(self, block: tuple[str, int]) -> list[Row]:
        name, index = block
        part, inputs = self.mixture.parts[name], self.parts[name]
        usable = self._of_span(name, index // SPAN)
        translations = self._translations(name, index) if part.translate else {}
        drawn: list[Row] = []
        for record in Shards(inputs["collect"]).read(index):
            given = translations.get(record["id"], {}) if part.translate else record
            if record["id"] not in usable or not given.get("turns"):
                continue
            if given["language"] == part.language:
                drawn += self._copies(name, record, given["turns"])
            elif part.translate:
                raise UserError(
                    f"mixture.parts.{name}.language={part.language}: the records were translated into "
                    f"{given['language']}; set translator.target={part.language}"
                )
        last = self.last.get(name)
        return drawn if last is None else [row for row in drawn if self._key(row["id"]) <= last]

    def _translations(self, name: str, index: int) -> dict[str, Row]:
        """Return id → the translation of one shard's records, and of all records whose text a person replaced."""
        if name not in self._replaced:
            self._replaced[name] = texts(self.parts[name]["select"])
        return Shards(self.parts[name]["translate"]).by_id(index, ["language", "turns"]) | self._replaced[name]

    def _of_span(self, name: str, span: int) -> set[str]:
        if self._usable[0] != (name, span):
            self._usable = (name, span), _usable(self.parts[name]["select"], span, self.mixture.parts[name].translate)
        return self._usable[1]

    def _copies(self, name: str, record: Row, turns: Turns) -> Iterator[Row]:
        part, store = self.mixture.parts[name], self.places[self.parts[name]["collect"]]
        keys = list(images_of(record)) or [record["id"]]
        row = {
            "part": name,
            "source": record["source"],
            "origin": "translated" if part.translate else record["origin"],
            "domain": record["domain"],
            "language": part.language,
            "split": _split(keys, self.mixture.validation, self.seed),
            "media": [placed(medium, store[1], store[0]) for medium in record["media"]],
            "turns": turns,
        }
        for copy in range(_copies(part.weight, self.seed, name, record["id"])):
            # Copies due to the weight are no duplicates. The content is not stored.
            content = json.dumps([row["media"], turns, copy], ensure_ascii=False)
            yield {"id": f"{record['id']}/{name}/{copy}", "content": _digest(content), **row}


def placed(medium: Row, places: Places, store: int) -> Row:
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


def _digest(content: str) -> str:
    return hashlib.blake2b(content.encode(), digest_size=12).hexdigest()


def _against(row: Row, seen: Seen) -> str | None:
    if row["split"] == "both":
        return "its images fall into training and validation"
    return None if seen.add(row["content"]) else "duplicate of a record before it"


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


def _shares(parts: dict[str, int], mixture: Mixture, out: Path) -> dict[str, float]:
    """Write and return each part's share of its language's conversations; warn where it is not the one that is wanted."""
    total: Counter[str] = Counter()
    for name, part in mixture.parts.items():
        total[part.language] += parts.get(name, 0)
    shares = {name: parts.get(name, 0) / (total[part.language] or 1) for name, part in mixture.parts.items()}
    table = []
    for name, part in mixture.parts.items():
        table.append(
            {
                "part": name,
                "conversations": parts.get(name, 0),
                "share": round(100 * shares[name], 2),
                "wanted": None if part.share is None else round(100 * part.share, 2),
            }
        )
        if part.share is not None and abs(shares[name] - part.share) > TOLERANCE:
            log.warning(f"warning: {_off(name, part, shares[name])}")
    write_table(out / "tables" / "shares.csv", table)
    return {name: round(share, 6) for name, share in shares.items()}


def _off(name: str, part: Part, share: float) -> str:
    said = f"mixture.parts.{name} makes up {share:.1%} of the conversations in {part.language}, and {part.share:.1%} are wanted"
    if not share or share == 1 or part.share in (None, 0, 1):
        return f"{said}; there are no such records" if not share else said
    weight = part.weight * part.share / (1 - part.share) * (1 - share) / share
    return f"{said}; set mixture.parts.{name}.weight={weight:.3g}, or change how many of the others there are"


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
