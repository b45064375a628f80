"""No screening: no image gets a verdict, and the manifest records that."""

from pathlib import Path
from typing import Any

from ain.screener import ImageSet


class NoScreener:
    judges = False
    near_duplicate_bits = None
    codes: dict[str, str] = {}  # noqa: RUF012

    def run(self, images: ImageSet, out: Path, engine: Any) -> "NoScreener":
        return self

    def of(self, sha256: str) -> dict[str, Any]:
        return {}

    def usage(self) -> dict[str, Any]:
        return {}
