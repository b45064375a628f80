"""Put the options of a question in another order."""

from collections.abc import Callable, Sequence

from ain.text.lists import letter_index


def rotated(
    options: Sequence[str], labels: Sequence[str], turn: int, letter: Callable[[int], str]
) -> tuple[list[str], tuple[str, ...]]:
    """Return options moved forward by `turn` places, the first ones to the end, and labels whose letters follow them.

    letter: number of an option → its letter in the prompt. A label that is no letter, as an option's text, stays.
    """
    count = len(options)
    own = {letter(i): i for i in range(count)}

    def moved(label: str) -> str:
        index = own.get(label, letter_index(label))
        return label if index is None or index >= count else letter((index - turn) % count)

    return [*options[turn:], *options[:turn]], tuple(labels) if not turn else tuple(map(moved, labels))
