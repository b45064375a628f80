"""Back-translation of a random sample of the translated records, or of all of them."""

import heapq
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from ain.runtime.ranges import Positive


class Sampled:
    """A translator and the sample of records that it translates back.

    translator: any of `ain.translator`, from Arabic into English. records: sample size; null: all.
    """

    def __init__(self, translator: Any, records: Positive | None = None, seed: int = 0) -> None:
        self.translator, self.records, self.seed = translator, records, seed

    def digest(self) -> Any:
        """Return what affects the translator's answers but is not in its config, or None."""
        own = getattr(self.translator, "digest", None)
        return own() if own else None

    def choose(self, identifiers: Iterable[str]) -> set[str]:
        """Return the sampled ids. The sample does not depend on the order of the ids, and needs little memory."""
        if self.records is None:
            return set(identifiers)
        return set(heapq.nsmallest(self.records, identifiers, key=self._draw))

    def _draw(self, identifier: str) -> bytes:
        return blake2b(f"{self.seed} {identifier}".encode(), digest_size=8).digest()
