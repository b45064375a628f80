"""Score answers to yes-no questions, in English and Arabic."""

from collections.abc import Sequence

from ain.scorer import Grade, best
from ain.text.polarity import affirms


def yes_no(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "en") -> Grade:
    """Score 1 if the answer decides as a label does: "yes", «نعم», "true", "There is no dog", «لا يوجد».

    An announced answer decides, otherwise the first word that does. What is parsed is "yes" or "no".
    """
    given = affirms(answer)
    parsed = None if given is None else "yes" if given else "no"
    return best(answer, labels, lambda label: float(given is not None and given == affirms(label)), parsed)
