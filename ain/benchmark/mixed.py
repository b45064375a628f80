"""Score tables that mix kinds of questions."""

from collections.abc import Sequence
from typing import Any

from ain.benchmark import Scorer


def by_options(
    answer: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    language: str = "en",
    *,
    choice: Scorer,
    open: Scorer,
) -> Any:
    """Score by `choice` where a question has options, otherwise by `open`."""
    return (choice if options else open)(answer, labels, options, language)
