"""Score tables that mix kinds of questions."""

from collections.abc import Sequence

from ain.scorer import Grade, Scorer


def by_options(
    answer: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    language: str = "en",
    *,
    choice: Scorer,
    open: Scorer,
) -> Grade:
    """Score by `choice` where a question has options, otherwise by `open`."""
    made: Grade = (choice if options else open)(answer, labels, options, language)
    return made
