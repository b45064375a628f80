"""Compare settings over the same questions, paired, and correct for the number of comparisons."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ain.metrics.bootstrap import clustered
from ain.metrics.significance import holm, sign_flips
from ain.storage.tables import Table

Scores = Mapping[str, float]  # question → score, from 0 to 1
Images = Mapping[str, str]  # question → what questions about the same images have in common


def difference(first: Sequence[Scores], other: Sequence[Scores], images: Images) -> dict[str, Any] | None:
    """Return by how many points `other` is better than `first`, which have the same seeds in the same order; None if no
    question was asked in all of them.

    A question's score is its mean over the seeds. Images are resampled, because the answers to questions about one image
    are correlated.
    """
    means = [mean(first), mean(other)]
    asked = [key for key in means[0] if key in means[1]]
    if not asked:
        return None
    gaps = by_image({key: means[1][key] - means[0][key] for key in asked}, images)
    gap, low, high = (round(100 * value, 1) for value in clustered(gaps))
    row: dict[str, Any] = {"difference": gap, "low": low, "high": high, "p": sign_flips(gaps)}
    row |= {"questions": len(asked), "images": len(gaps)}
    if len(first) > 1:
        pairs = zip(first, other, strict=True)
        each = (100 * sum(b[key] - a[key] for key in asked) / len(asked) for a, b in pairs)
        row |= {"seeds": len(first), "by seed": " ".join(f"{one:+.1f}" for one in each)}
    return row


def mean(runs: Sequence[Scores]) -> dict[str, float]:
    """Return the mean score, over several runs, of the questions that all of them have."""
    asked = [key for key in runs[0] if all(key in scores for scores in runs)] if runs else []
    return {key: sum(scores[key] for scores in runs) / len(runs) for key in asked}


def by_image(scores: Scores, images: Images) -> list[list[float]]:
    """Return the scores in groups: those of questions about one image."""
    groups: dict[str, list[float]] = defaultdict(list)
    for key, score in scores.items():
        groups[images.get(key, key)].append(score)
    return list(groups.values())


def corrected(rows: Table) -> Table:
    """Return the rows with `p (Holm)` behind `p`, corrected for the number of rows."""
    made = []
    for row, value in zip(rows, holm([row["p"] for row in rows]), strict=True):
        after = {"p": round(row["p"], 4), "p (Holm)": round(value, 4)}
        made.append({name: cell for key in row for name, cell in (after if key == "p" else {key: row[key]}).items()})
    return made
