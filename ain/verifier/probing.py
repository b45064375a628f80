"""Settings for probing a verifier (Figs. 14 and 15)."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from ain.runtime.ranges import Number, Positive
from ain.text.corruption import Kind
from ain.text.languages import LanguageCode


@dataclass(frozen=True)
class ProbeSettings:
    """Settings of the probe stage.

    good, poor: number of turns of each. kinds: how the poor ones are corrupted, each equally often. false_rejection:
    share of good turns that may be rejected when searching a threshold. threshold: the paper's. target: the references'
    language.
    """

    good: Positive
    poor: Positive
    kinds: Annotated[list[Kind], Field(min_length=1)]
    false_rejection: Annotated[float, Field(ge=0, lt=1)]
    threshold: Number
    target: LanguageCode
    seed: int = 0
