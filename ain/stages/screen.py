"""Screen: give each distinct image a verdict (Section 2.2, Fig. 16). An unreadable answer is no verdict.

`flagged/` lists the records with an image that is not known to be safe, so that select need not read images.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from ain.metrics.near_duplicates import NearDuplicates, perceptual_hash
from ain.report import figures
from ain.runtime.progress import progress
from ain.screener import ImageSet, Verdicts
from ain.storage.image_index import ImageIndex
from ain.storage.images import BadImage, ImageStore, checked, png
from ain.storage.ledger import Ledger
from ain.storage.record import Row, images_of
from ain.storage.shards import Shards
from ain.storage.tables import read_table, write_table

TEXTS = ("sha256", "rating", "category", "rationale", "fault", "answer", "judged_as")
SCHEMA = pa.schema([(name, pa.string()) for name in TEXTS])
FLAGGED = pa.schema([(name, pa.string()) for name in ("id", "sha256", "rating", "category")])
TITLE = "What the screener saw"
SHOWN = {
    "safety": "Images by rating and by category of the policy, in percent (Fig. 16). Each distinct image is judged once.",
    "gallery": "Images that are not known to be safe are blurred.",
}
MEASURED = 100  # images of a source whose size a dry run reads
GALLERY = {"Unsafe": 24, None: 12, "Safe": 12}  # thumbnails per rating


def screen(collect: Path, screener: Any, engine: Any, out: Path) -> dict[str, Any]:
    store, shards = ImageStore(collect), Shards(out, SCHEMA).create()
    places = ImageIndex(out / "index").create(store)
    like = _alike(store, screener.near_duplicate_bits)
    judged = _images(store, places, like)
    verdicts = screener.run(judged, out, engine)
    for shard in range(len(store)):
        if not shards.done(shard):
            shards.write(shard, [_row(sha, like.get(sha, sha), verdicts) for sha in store.names(shard)])
    _flag(collect, shards, screener.judges, places, out)
    ratings = Counter(row["rating"] for row in shards.rows(["rating"]))
    if screener.judges and len(places):
        _tables(shards, ratings, screener.codes, out)
        _gallery(shards, store, out)
    shutil.rmtree(out / "index")
    named = {"safe": ratings["Safe"], "unsafe": ratings["Unsafe"], "unjudged": ratings[None]}
    images = ratings.total()
    counts = {"input": images, "kept": images, "rejected": 0, "computed": screener.judges, **named}
    return {**counts, "judged": judged.count if screener.judges else 0, **verdicts.usage()}


def measures(counts: dict[str, Any], out: Path) -> Iterator[dict[str, Any]]:
    """Yield the shares of Fig. 16 in percent, by verdict and by category, with Wilson's intervals."""
    from scipy.stats import binomtest

    path, images = out / "tables" / "safety.csv", counts["input"]
    for row in read_table(path) if path.exists() else []:
        found = binomtest(row["images"], images).proportion_ci(method="wilson")
        low, high = round(100 * found.low, 2), round(100 * found.high, 2)
        yield {
            "metric": "percent",
            "verdict": row["what"],
            "value": row["percent"],
            "low": low,
            "high": high,
            "n": images,
        }


def estimate(collect: Path | None, source: Any, screener: Any, output_dir: Path) -> list[str]:
    """Return the estimate of screening, for a dry run; it counts the source's images if nothing is collected yet."""
    if not hasattr(screener, "estimate"):
        return []
    if collect is None:
        return list(screener.estimate(_expected(source), None).lines())
    return list(_estimate(collect, screener, output_dir).lines())


def _expected(source: Any) -> ImageSet:
    """Return the images that the source names, with the sizes of the first ones; the others count as their median."""
    loads = [load for found in source.rows() if not found.reasons for medium in found.media for load in medium.images]
    sizes: list[tuple[int, int]] = []
    for load in loads[:MEASURED]:
        with suppress(BadImage, OSError):
            sizes.append(checked(load())[1:])
    median = sorted(sizes)[len(sizes) // 2] if sizes else (1024, 1024)
    of = dict(enumerate(sizes))
    return ImageSet(
        lambda: map(str, range(len(loads))),
        lambda _: Image.new("RGB", median),
        lambda n: of.get(int(n), median),
        len(loads),
    )


def _estimate(collect: Path, screener: Any, output_dir: Path) -> Any:
    store, known = ImageStore(collect), output_dir / "ledger.sqlite"
    ledger = Ledger(known) if known.exists() else None
    with TemporaryDirectory() as where:
        return screener.estimate(_images(store, ImageIndex(Path(where)).create(store), {}), ledger)


def check(collect: Path | None, screener: Any, out: Path) -> None:
    """Refuse a model that cannot see here, or cannot answer any more, unless the ledger holds all its answers."""
    if chat := getattr(screener, "chat", None):
        chat.check_images()
    gone = getattr(screener, "gone", None)
    if gone and (collect is None or _estimate(collect, screener, out.parents[1]).requests):
        raise gone


def _images(store: ImageStore, places: ImageIndex, like: dict[str, str]) -> ImageSet:
    def names() -> Iterator[str]:
        return (sha for shard in range(len(store)) for sha in store.names(shard) if sha not in like)

    return ImageSet(
        names, lambda sha: store.image(places[sha]), lambda sha: store.size(places[sha]), len(places) - len(like)
    )


def _alike(store: ImageStore, bits: int | None) -> dict[str, str]:
    """Return near-duplicate → the earlier image whose verdict it shares."""
    if bits is None:
        return {}
    near, first, like = NearDuplicates(bits), dict[int, str](), {}
    with progress("near-duplicates", unit="image") as bar:
        for shard in range(len(store)):
            for row, sha in enumerate(store.names(shard)):
                found = near.first(perceptual_hash(store.image((shard, row))))
                if first.setdefault(found, sha) != sha:
                    like[sha] = first[found]
                bar.update()
    return like


def _row(sha: str, judged: str, verdicts: Verdicts) -> Row:
    verdict = verdicts.of(judged)
    return {"sha256": sha, "judged_as": judged, **{name: verdict.get(name) for name in TEXTS[1:-1]}}


def _flag(collect: Path, shards: Shards, judges: bool, places: ImageIndex, out: Path) -> None:
    """Write, for each span of collect's shards, the records with an image that is not known to be safe. An image takes
    two bytes of memory: the number of its rating and category."""
    columns = ["rating", "category"]
    numbers: dict[tuple[str | None, ...], int] = {}
    of_images = [
        np.array(
            [numbers.setdefault(tuple(row.values()), len(numbers)) for row in shards.read(shard, columns)], np.uint16
        )
        for shard in range(len(shards) if judges else 0)
    ]
    found = [dict(zip(columns, verdict, strict=True)) for verdict in numbers]
    records, flagged = Shards(collect), Shards(out / "flagged", FLAGGED).create()

    def verdict(sha: str) -> Row:
        shard, row = places[sha]
        return found[of_images[shard][row]]

    for number in records.spans():
        rows = records.span(number, ["id", "media"]).to_pylist() if judges else []
        of_records = ({"id": row["id"], "sha256": sha, **verdict(sha)} for row in rows for sha in images_of(row))
        flagged.write(number, [row for row in of_records if row["rating"] != "Safe"])


def _tables(shards: Shards, ratings: "Counter[str | None]", codes: dict[str, str], out: Path) -> None:
    unsafe = Counter(row["category"] for row in shards.rows(["rating", "category"]) if row["rating"] == "Unsafe")
    counts = {"safe": ratings["Safe"], "unsafe": ratings["Unsafe"], "no verdict": ratings[None]}
    counts |= {name: unsafe[code] for code, name in codes.items()}
    total = ratings.total()
    rows = [{"what": what, "images": n, "percent": round(100 * n / total, 2)} for what, n in counts.items()]
    write_table(out / "tables" / "safety.csv", rows)
    figures.safety(rows, out / "figures" / "safety.png")


def _gallery(shards: Shards, store: ImageStore, out: Path) -> None:
    """Write thumbnails with their verdicts. Images not known to be safe are blurred in the file itself."""
    (out / "gallery").mkdir(exist_ok=True)
    table = []
    for rating, most in GALLERY.items():
        rows = list(islice((row for row in shards.rows() if row["rating"] == rating), most))
        places = store.find(row["sha256"] for row in rows)
        for row in rows:
            image = store.image(places[row["sha256"]])
            image.thumbnail((128, 128))
            if rating != "Safe":
                image = figures.blurred(image)
            path = Path("gallery") / f"{row['sha256'][:16]}.png"
            (out / path).write_bytes(png(image))  # the table that lists it is written last
            said = {name: row[name] for name in ("category", "rationale", "fault")}
            table.append({"thumbnail": str(path), "rating": rating or "no verdict", **said})
    write_table(out / "tables" / "gallery.csv", table)
