"""Sources of records: classes with `rows()`, an iterator of `Found`, and `digest()` if they read external data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ain.storage.record import Row


@dataclass
class Medium:
    """An image, or a video as its frames. Each is read only when collect opens it."""

    images: Sequence[Callable[[], bytes]]
    kind: str = "image"  # or video
    fps: float | None = None  # frames per second of a video, if known


@dataclass
class Found:
    """One row as a source found it. `reasons` lists what is wrong with it. Only collect opens images."""

    where: str  # tells users where the row is: "data.json, row 17"
    record: Row  # id, domain, origin, language, turns, references; as far as they could be read
    media: list[Medium] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
