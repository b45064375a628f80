"""Sources of records: subclasses of `Source`, with `digest()` if they read external data."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ain.storage.images import MAX_PIXELS
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
    added: list[str] = field(default_factory=list)  # what the record holds that the row does not: a placeholder, ...


class Source(ABC):
    """Reading is split in two, so that worker processes can share it: listing is quick, converting is not.

    max_pixels: of an image that collect keeps.
    """

    max_pixels: int = MAX_PIXELS

    @abstractmethod
    def items(self) -> Iterator[Any]:
        """Yield rows as they are, always in the same order; each can be sent to another process."""

    @abstractmethod
    def found(self, item: Any) -> Found:
        """Convert a row. Its images are not read yet."""

    def size(self, item: Any) -> int:
        """Return about how many bytes an item takes, so that few large ones are in memory at a time."""
        return 0

    def rows(self) -> Iterator[Found]:
        return map(self.found, self.items())

    def provenance(self) -> dict[str, Any]:
        """Return what else the manifest is to record, such as the revision that was read."""
        return {}
