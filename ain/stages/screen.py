"""Screen: a verdict for each distinct picture (Section 2.2, Fig. 16). An answer that cannot be read is no verdict."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain.images import ImagePacks
from ain.ledger import Ledger, key
from ain.progress import progress
from ain.record import Row, Shards
from ain.screener.verdict import read_verdict

SCHEMA = pa.schema([(name, pa.string()) for name in ("sha256", "rating", "category", "rationale", "answer")])
BATCH = 32  # pictures decoded at a time


def screen(collect: Path, screener: Any, out: Path) -> dict[str, Any]:
    packs, shards = ImagePacks(collect), Shards(out, SCHEMA).create()
    ledger = Ledger(out.parents[1] / "ledger.sqlite")
    names = packs.index()
    by_pack: dict[int, list[str]] = {pack: [] for pack in range(len(packs))}
    for sha, (pack, _) in names.items():
        by_pack[pack].append(sha)
    computed = screener.key is not None
    with progress("screen", total=len(names), unit="image") as bar:
        for pack, shas in by_pack.items():
            if not shards.done(pack):
                answers = _answers(screener, shas, packs, names, ledger) if computed else dict.fromkeys(shas)
                shards.write(pack, [_verdict(sha, answers[sha]) for sha in shas])
            bar.update(len(shas))
    ledger.close()
    ratings = Counter(row["rating"] or "unjudged" for row in shards.rows(["rating"]))
    return {"input": len(names), "kept": len(names), "rejected": 0, "computed": computed, "ratings": dict(ratings)}


def _answers(
    screener: Any, shas: list[str], packs: ImagePacks, names: dict[str, tuple[int, int]], ledger: Ledger
) -> dict[str, str]:
    """sha256 → answer; what the ledger knows is not asked again."""
    answers = {sha: ledger.get(key(screener.key, sha)) for sha in shas}
    missing = [sha for sha, answer in answers.items() if answer is None]
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        given = dict(zip(batch, screener.judge([packs.image(names[sha]) for sha in batch]), strict=True))
        ledger.put((key(screener.key, sha), answer) for sha, answer in given.items())
        answers |= given
    return answers  # type: ignore[return-value]


def _verdict(sha: str, answer: str | None) -> Row:
    verdict = read_verdict(answer) if answer is not None else None
    fields = {"rating": verdict.rating, "category": verdict.category, "rationale": verdict.rationale} if verdict else {}
    return {"sha256": sha, "rating": None, "category": None, "rationale": None, "answer": answer, **fields}
