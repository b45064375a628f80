"""How a verifier is tried (Figs. 14 and 15)."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from ain.runtime.ranges import Number, Positive
from ain.text.corruption import Kind
from ain.text.languages import LanguageCode


@dataclass(frozen=True)
class ProbeSettings:
    """good, poor: turns of either; kinds: how the poor ones are corrupted, each equally often; false_rejection: the share of
    good ones that may be rejected where a threshold is sought; threshold: the paper's; target: the references' language.
    """

    good: Positive
    poor: Positive
    kinds: Annotated[list[Kind], Field(min_length=1)]
    false_rejection: Annotated[float, Field(ge=0, lt=1)]
    threshold: Number
    target: LanguageCode
    seed: int = 0
