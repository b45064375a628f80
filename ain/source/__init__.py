"""Sources of records. Each is a class with `rows()`, an iterator of `Found`, and `digest()` where it reads from outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ain.storage.record import Row


@dataclass
class Medium:
    """An image, or a video as its frames; each is read when collect opens it."""

    images: Sequence[Callable[[], bytes]]
    kind: str = "image"  # or video
    fps: float | None = None  # frames of a video a second, where known


@dataclass
class Found:
    """One row as a source found it. `reasons` says what is wrong with it; images are opened by collect alone."""

    where: str  # for a person who looks for the row: "data.json, row 17"
    record: Row  # id, domain, origin, language, turns, references; as far as they could be read
    media: list[Medium] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
