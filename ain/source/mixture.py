"""Define the training data as parts, each with a source, a language and a weight."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from ain.runtime.ranges import Positive, Share
from ain.text.languages import LanguageCode


@dataclass(frozen=True)
class Part:
    """language: that of the records, or, with translate, the one to translate into. weight: 0.5 takes half of the
    records, 2.0 takes each twice. source: values of the group `source`, or null for the job's. size: number of
    conversations to draw at random. share: the share that the part is to have of its language's
    conversations; it is compared and reported.
    """

    language: LanguageCode
    translate: bool
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    source: Any = None
    size: Positive | None = None
    share: Share | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")


class Mixture:
    """parts: name → part. validation: the share of images whose records are held out for the validation loss. images:
    `blank` trains on grey images, as a control. size: number of conversations to draw at random from all parts, so that
    mixtures of different data can be compared at equal size.
    """

    def __init__(
        self,
        parts: Annotated[dict[str, Part], Field(min_length=1)],
        validation: Annotated[float, Field(ge=0, lt=1)],
        images: Literal["shown", "blank"],
        size: Positive | None = None,
    ) -> None:
        self.parts = {name: Part(**part) if isinstance(part, dict) else part for name, part in parts.items()}
        self.validation = validation
        self.images = images
        self.size = size
