"""Order things that are compared so that no place favours one of them."""

from random import Random


def williams(count: int) -> list[tuple[int, ...]]:
    """Return the rows of a Williams design for 0 to count - 1: over all rows each number is at each place equally often, and
    right behind each other number equally often. An even count has as many rows, an odd one twice as many.
    """
    ends = [number for pair in zip(range(1, count), range(count - 1, 0, -1), strict=True) for number in pair]
    first = [0, *ends[: count - 1]]
    rows = [tuple((number + shift) % count for number in first) for shift in range(count)]
    return rows if count % 2 == 0 else [*rows, *(row[::-1] for row in rows)]


def balanced(count: int, participant: int, question: int, seed: int) -> tuple[int, ...]:
    """Return the order in which a participant meets the answers to a question.

    As many participants in a row as the design has rows meet all of them, so a question is balanced. Its rows are
    shuffled by seed and question, so that the order of one question does not tell that of the next.
    """
    rows = williams(count)
    Random(f"{seed}:{question}").shuffle(rows)
    return rows[participant % len(rows)]
