"""Judge all translations by the sample that was translated back (Section 2.2)."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ain.back_translation.quality import Quality
from ain.metrics.rules import RULES, SAMPLED, Thresholds, below
from ain.metrics.verdicts import Against
from ain.storage.manifest import read_manifest
from ain.storage.record import Row
from ain.storage.shards import SPAN, Shards


def sampled_quality(
    collect: Path,
    back_translate: Path | None,
    scored: list[tuple[Shards, list[str]]],
    screen: Path | None,
    thresholds: Thresholds,
    people: list[Row],
) -> Quality | None:
    """Return the quality of those sampled records that the other rules keep; None if the sample decides nothing. Texts
    that a person replaced do not count."""
    replaced = {row["id"] for row in people if row["turns"]}
    if back_translate is None or thresholds.sampled == "record" or not set(SAMPLED) & set(thresholds.on()):
        return None
    back, quality = Shards(back_translate, suffix="arrow"), Quality(read_manifest(back_translate)["counts"]["language"])
    for index in range(len(back)):
        rows = {row["id"]: row for row in back.read(index) if row["turns"] is not None}
        if not rows:
            continue
        against = Against(pa.chunked_array([pa.array(list(rows))]))
        against.overrides(people)
        for scores, names in scored:
            table = scores.mapped(index).select(["id", *{RULES[name].column for name in names}])
            against.scores(_only(table, against.ids), names, thresholds.on())
        if screen:
            flagged = Shards(screen / "flagged").table(index // SPAN, ["id", "rating", "category"])
            against.images(_only(flagged, against.ids))
        originals = Shards(collect).by_id(index, ["turns"])
        for name in [name for name in against.kept() if name not in replaced]:
            quality.add(rows[name], originals[name]["turns"])
    return quality


def _only(table: pa.Table, ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["id"], ids))


def gate_reasons(sample: Quality | None, thresholds: Thresholds) -> dict[str, str | None]:
    """Return, for each rule that the sample decides for all, the reason to reject all translations; None: it passed."""
    if sample is None or not sample.records:  # there is no translation to judge by
        return {}
    means, on = sample.means(), thresholds.on()
    over = f"over {sample.records} record{'s'[: sample.records != 1]} translated back"
    if sample.failed:
        over += f", of which {sample.failed} got no answer and score 0"
    reasons = {
        name: f"{name}: {below(means[column], on[name])} {over}" for name, column in SAMPLED.items() if name in on
    }
    return {name: reason if means[SAMPLED[name]] < on[name] else None for name, reason in reasons.items()}
