"""Settings for probing a verifier (Figs. 14 and 15)."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from ain import UserError
from ain.runtime.ranges import Number, Positive
from ain.text.corruption import Kind
from ain.text.languages import LanguageCode


@dataclass(frozen=True)
class ProbeSettings:
    """Settings of the probe stage.

    good, poor: number of turns of each. kinds: how the poor ones are corrupted, each equally often. false_rejection:
    share of good turns that the calibrated threshold may reject. threshold: the paper's. target: the references'
    language.
    """

    good: Positive
    poor: Positive
    kinds: Annotated[list[Kind], Field(min_length=1)]
    false_rejection: Annotated[float, Field(ge=0, lt=1)]
    threshold: Number
    target: LanguageCode
    seed: int = 0


def calibrated(counts: dict[str, Any]) -> dict[str, Any]:
    """Return the verifier's `similarity` threshold from the counts of its probe, and what it was found with.

    Raises UserError if there is no basis: the paper's pairs are too few, so it takes references of the source, and to
    see a share of 2 % at all takes 50 of them.
    """
    found, share, asked = counts.get("references", 0), counts["false_rejection"], "thresholds.similarity=calibrated"
    if not found:
        raise UserError(
            f"{asked}: no record has a reference in {counts['target']} to calibrate by; give rows of your folder "
            "`references`, or set thresholds.similarity to a number"
        )
    if found * share < 1:
        needed = f"needs {math.ceil(1 / share)} of them" if share else "has no basis in a sample"
        raise UserError(
            f"{asked}: the probe found {found} references, and probe.false_rejection={share:g} {needed}; set it to at least "
            f"{math.ceil(1000 / found) / 1000:g}, raise probe.good if the source has more, or set thresholds.similarity to a "
            "number"
        )
    return {"similarity": counts["threshold_needed"], "false_rejection": share, "references": found}
