"""Sources of records. Each is a class with `rows()`, an iterator of `Found`, and `digest()` where it reads from outside."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ain.storage.record import Row


@dataclass
class Found:
    """One row as a source found it. `reasons` says what is wrong with it; images are opened by collect alone."""

    where: str  # for a person who looks for the row: "data.json, row 17"
    record: Row  # id, domain, origin, english, arabic, reference; as far as they could be read
    images: list[Callable[[], bytes]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
