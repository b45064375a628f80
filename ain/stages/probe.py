"""Probe: test a verifier on the paper's pairs (Fig. 14) and on good and poor translations (Fig. 15)."""

import heapq
import math
from collections.abc import Iterator
from hashlib import blake2b
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from ain import UserError
from ain.metrics import detection
from ain.report import figures
from ain.report.paper import load
from ain.report.paper import pairs as paper_pairs
from ain.storage.record import Row, reference
from ain.storage.shards import Shards
from ain.storage.tables import Table, read_table, write_table
from ain.text import corruption
from ain.text.placeholders import turn_text
from ain.verifier.probing import ProbeSettings

TITLE = "How far the verifier can be trusted"
SHOWN = {
    "pairs": "Similarity of the paper's probe pairs (Tables 6 to 8), beside LaBSE as Fig. 14 prints it. A verifier is good when "
    "right pairs are near 1 and mismatched ones, in red, near 0.",
    "curves": "Good and poor translations of this source (Fig. 15): distribution of scores, ROC curve, and precision against "
    "recall.",
    "kinds": "By the kind of corruption.",
}
UNAVAILABLE_IS_AN_ANSWER = True  # in a sweep, an unavailable verifier is a result rather than an error
POOL = 4  # candidate records per turn


def probe(collect: Path, verifier: Any, probe: ProbeSettings, out: Path) -> dict[str, Any]:
    pairs = _pairs(verifier)
    write_table(out / "tables" / "pairs.csv", pairs)
    figures.heatmap(pairs, ["similarity", "LaBSE, as printed"], out / "figures" / "pairs.png")
    counts = {**_separation(pairs), "false_rejection": probe.false_rejection, "target": probe.target}
    tried = _tried(collect, probe)
    if tried:
        scores = verifier.score([(row["original"], row["translation"]) for row in tried])
        table = [{**row, "similarity": round(float(score), 6)} for row, score in zip(tried, scores, strict=True)]
        write_table(out / "tables" / "tried.csv", table)
        counts["references"] = len({row["id"] for row in tried if row["kind"] == "good"})
        counts |= _curves(table, probe, out)
    write_table(out / "tables" / "summary.csv", [counts])
    return {"input": len(pairs) + len(tried), "kept": len(pairs) + len(tried), "rejected": 0, **counts}


def measures(counts: dict[str, Any], out: Path) -> Iterator[dict[str, Any]]:
    """Yield the similarity of each of the paper's pairs, and how well good and poor translations are told apart."""
    for row in read_table(out / "tables" / "pairs.csv"):
        yield {"metric": "similarity", "pair": str(row["pair"]), "value": row["similarity"], "n": 1}
    for name in ("auc", "average_precision"):
        if name in counts:
            bounds = {side: counts[f"{name}_{side}"] for side in ("low", "high")}
            yield {"metric": name, "value": counts[name], **bounds, "n": counts["input"]}


def _pairs(verifier: Any) -> Table:
    """Return the probe pairs by group, with their similarity and the one that Fig. 14 prints for LaBSE."""
    printed, known = load("ain/fig14"), paper_pairs()
    groups = list(dict.fromkeys(pair.group for pair in known if pair.correct)) + ["mismatched"]
    pairs = sorted(known, key=lambda pair: groups.index(pair.group))
    scores = verifier.score([(pair.en, pair.ar) for pair in pairs])
    return [
        {
            "pair": pair.ref,
            "group": pair.group,
            "original": pair.en,
            "translation": pair.ar,
            "correct": pair.correct,
            "criterion": pair.criterion,
            "similarity": round(float(score), 4),
            "LaBSE, as printed": printed.value(pair.ref, "labse") if pair.ref in printed.values else None,
        }
        for pair, score in zip(pairs, scores, strict=True)
    ]


def _separation(pairs: Table) -> dict[str, Any]:
    right, wrong = (
        np.array([pair["similarity"] for pair in pairs if pair["correct"] == side]) for side in (True, False)
    )
    return detection.separation(right, wrong)


def _tried(collect: Path, probe: ProbeSettings) -> Table:
    """Return turns with their `kind`, good or how they were corrupted; empty if the source has no references."""
    wanted = probe.good + probe.poor
    rows = Shards(collect).rows(["id", "turns", "references"])
    trusted = (
        {"id": row["id"], "original": row["turns"], "translation": translation}
        for row in rows
        if (translation := reference(row, probe.target))
    )
    pool = heapq.nsmallest(
        POOL * wanted, trusted, key=lambda row: blake2b(f"{probe.seed} {row['id']}".encode()).digest()
    )
    if not pool:
        return []
    others, random = [row["translation"] for row in pool], Random(f"probe {probe.seed}")
    kinds = ["good"] * probe.good + [probe.kinds[i % len(probe.kinds)] for i in range(probe.poor)]
    return [_next(kind, waiting, len(pool), others, random) for waiting in [cycle(pool)] for kind in kinds]


def _next(kind: str, waiting: Iterator[Row], records: int, others: list[Any], random: Random) -> Row:
    """Return a turn of the next record that this corruption can change. Raises UserError if it can change none."""
    for row in islice(waiting, records):
        if found := _turn(kind, row, others, random):
            return found
    raise UserError(
        f"probe.kinds: {kind} can be done to none of {records} references; leave it out, or take more records"
    )


def _turn(kind: str, row: Row, others: list[Any], random: Random) -> Row | None:
    """Return one turn of a record, or None if this corruption changes none."""
    original, trusted = row["original"], row["translation"]
    made = trusted if kind == "good" else corruption.of_kind(kind, original, trusted, others, random)
    places = [i for i, (one, other) in enumerate(zip(made, trusted, strict=True)) if kind == "good" or one != other]
    if not places:
        return None
    place = random.choice(places)
    return {
        "id": row["id"],
        "kind": kind,
        "original": turn_text(original[place]),
        "translation": turn_text(made[place]),
    }


def _curves(table: Table, probe: ProbeSettings, out: Path) -> dict[str, Any]:
    """Return AUCs with intervals, the threshold for the allowed false rejections, and what it catches.

    Also write the results by kind, and the figure.
    """
    good, poor = (
        np.array([row["similarity"] for row in table if (row["kind"] == "good") == side]) for side in (True, False)
    )
    needed = math.floor(1e4 * detection.threshold_for(good, probe.false_rejection)) / 1e4  # rounded up it rejects more
    write_table(out / "tables" / "kinds.csv", list(_kinds(table, good, needed, probe.threshold)))
    figures.curves({"this verifier": (good, poor)}, probe.threshold, out / "figures" / "curves.png")
    areas = {"auc": detection.auc, "average_precision": detection.average_precision}
    found = {name: detection.interval(measure, good, poor) for name, measure in areas.items()}
    made = {
        f"{name}{part}": value
        for name, of in found.items()
        for part, value in zip(("", "_low", "_high"), of, strict=True)
    }
    made |= {"threshold_needed": needed, "caught_there": float((poor < needed).mean())}
    made |= {
        "caught_at_paper": float((poor < probe.threshold).mean()),
        "refused_at_paper": float((good < probe.threshold).mean()),
    }
    return {name: round(value, 4) for name, value in made.items()}


def _kinds(table: Table, good: np.ndarray, needed: float, threshold: float) -> Iterator[Row]:
    for kind in dict.fromkeys(row["kind"] for row in table):
        scores = np.array([row["similarity"] for row in table if row["kind"] == kind])
        yield {
            "kind": kind,
            "turns": len(scores),
            "mean": round(float(scores.mean()), 4),
            "auc": None if kind == "good" else round(detection.auc(good, scores), 4),
            f"below {threshold}": round(100 * float((scores < threshold).mean()), 1),
            f"below {needed:.3f}, as needed": round(100 * float((scores < needed).mean()), 1),
        }


def together(jobs: list[dict[str, Any]], where: Path) -> Path:
    """Write the page that compares verifiers and return its directory."""
    from ain.report.probe import report_probes

    report_probes(jobs, where / "probe")
    return where / "probe"


def said(counts: dict[str, Any]) -> str:
    pairs = (
        f"Right pairs {counts['pairs_correct']}, mismatched {counts['pairs_mismatched']}, margin {counts['pairs_margin']}, "
        f"ROC-AUC {counts['pairs_auc']}."
    )
    if "auc" not in counts:
        return pairs
    return (
        f"{pairs} Good against poor translations: ROC-AUC {counts['auc']} ({counts['auc_low']} to {counts['auc_high']}); to "
        f"reject at most {counts['false_rejection']:.1%} of the good, the threshold may be {counts['threshold_needed']} "
        f"(thresholds.similarity=calibrated)."
    )
