"""Screen: a verdict for each distinct picture (Section 2.2, Fig. 16). An answer that cannot be read is no verdict.

`flagged/` names the records that show a picture which was not found safe, so that select need not look at pictures at all.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain import figures
from ain.images import ImagePacks, Reference, png
from ain.ledger import Ledger
from ain.near import Near, perceptual_hash
from ain.progress import progress
from ain.record import Row, Shards
from ain.screener import LookUp, Pictures
from ain.tables import write_table

TEXTS = ("sha256", "rating", "category", "rationale", "fault", "answer", "judged_as")
SCHEMA = pa.schema([(name, pa.string()) for name in TEXTS])
FLAGGED = pa.schema([(name, pa.string()) for name in ("id", "sha256", "rating", "category")])
GALLERY = {"Unsafe": 24, None: 12, "Safe": 12}  # thumbnails of each rating


def screen(collect: Path, screener: Any, engine: Any, out: Path) -> dict[str, Any]:
    packs, shards = ImagePacks(collect), Shards(out, SCHEMA).create()
    places = packs.index()
    like = _alike(packs, places, screener.near)
    pictures = _pictures(packs, places, like)
    look_up, account = screener.over(pictures, out, engine)
    by_pack: dict[int, list[str]] = {pack: [] for pack in range(len(packs))}
    for sha, (pack, _) in places.items():
        by_pack[pack].append(sha)
    for pack, shas in by_pack.items():
        if not shards.done(pack):
            shards.write(pack, [_row(sha, like.get(sha, sha), look_up) for sha in shas])
    _flag(collect, shards, screener.judges, out)
    ratings = Counter(row["rating"] for row in shards.rows(["rating"]))
    if screener.judges and places:
        _tables(shards, ratings, screener.codes, out)
        _gallery(shards, packs, places, out)
    named = {"safe": ratings["Safe"], "unsafe": ratings["Unsafe"], "unjudged": ratings[None]}
    counts = {"input": len(places), "kept": len(places), "rejected": 0, "computed": screener.judges, **named}
    return {**counts, "judged": pictures.count if screener.judges else 0, **account()}


def estimate(collect: Path, screener: Any, output_dir: Path) -> list[str]:
    """What screening would take, for a dry run."""
    if not hasattr(screener, "estimate"):
        return []
    packs, known = ImagePacks(collect), output_dir / "ledger.sqlite"
    ledger = Ledger(known) if known.exists() else None
    return list(screener.estimate(_pictures(packs, packs.index(), {}), ledger).lines())


def _pictures(packs: ImagePacks, places: dict[str, Reference], like: dict[str, str]) -> Pictures:
    def names() -> Iterator[str]:
        return (sha for sha in places if sha not in like)

    return Pictures(
        names, lambda sha: packs.image(places[sha]), lambda sha: packs.size(places[sha]), len(places) - len(like)
    )


def _alike(packs: ImagePacks, places: dict[str, Reference], bits: int | None) -> dict[str, str]:
    """Of each picture that is nearly one before it: that one."""
    if bits is None:
        return {}
    near, first, like = Near(bits), dict[int, str](), {}
    with progress("near-duplicates", total=len(places), unit="image") as bar:
        for sha, place in places.items():
            found = near.first(perceptual_hash(packs.image(place)))
            if first.setdefault(found, sha) != sha:
                like[sha] = first[found]
            bar.update()
    return like


def _row(sha: str, judged: str, look_up: LookUp) -> Row:
    verdict = look_up(judged)
    return {"sha256": sha, "judged_as": judged, **{name: verdict.get(name) for name in TEXTS[1:-1]}}


def _flag(collect: Path, shards: Shards, judges: bool, out: Path) -> None:
    """For each span of collect's shards the records with a picture that is not known to be safe."""
    rows = shards.rows(["sha256", "rating", "category"]) if judges else ()
    found = {row["sha256"]: row for row in rows if row["rating"] != "Safe"}
    records, flagged = Shards(collect), Shards(out / "flagged", FLAGGED).create()
    for number in records.spans():
        rows = records.span(number, ["id", "images"]).to_pylist()
        flagged.write(
            number, [{"id": row["id"], **found[sha]} for row in rows for sha in row["images"] if sha in found]
        )


def _tables(shards: Shards, ratings: "Counter[str | None]", codes: dict[str, str], out: Path) -> None:
    unsafe = Counter(row["category"] for row in shards.rows(["rating", "category"]) if row["rating"] == "Unsafe")
    counts = {"safe": ratings["Safe"], "unsafe": ratings["Unsafe"], "no verdict": ratings[None]}
    counts |= {name: unsafe[code] for code, name in codes.items()}
    total = ratings.total()
    rows = [{"what": what, "pictures": n, "percent": round(100 * n / total, 2)} for what, n in counts.items()]
    write_table(out / "tables" / "safety.csv", rows)
    figures.safety(rows, out / "figures" / "safety.png")


def _gallery(shards: Shards, packs: ImagePacks, places: dict[str, Reference], out: Path) -> None:
    """Thumbnails with their verdicts. What is not known to be safe is blurred in the file itself, wherever it goes."""
    (out / "gallery").mkdir(exist_ok=True)
    table = []
    for rating, most in GALLERY.items():
        for row in islice((row for row in shards.rows() if row["rating"] == rating), most):
            picture = packs.image(places[row["sha256"]])
            picture.thumbnail((128, 128))
            if rating != "Safe":
                picture = figures.blurred(picture)
            path = Path("gallery") / f"{row['sha256'][:16]}.png"
            (out / path).write_bytes(png(picture))  # the table that names it comes last
            said = {name: row[name] for name in ("category", "rationale", "fault")}
            table.append({"thumbnail": str(path), "rating": rating or "no verdict", **said})
    write_table(out / "tables" / "gallery.csv", table)
