"""Score as CAMEL-Bench's own scripts do, quirks included, to compare with what was published.

Texts are compared as they are: not normalised, only trimmed. Two differences: an empty answer scores 0, where the scripts
fail and drop the row from the denominator, and labels may be several.
"""

from collections.abc import Sequence

from ain.scorer import Grade, best, edit_distance
from ain.text.numbers import indic_digits

_LATIN, _ABJAD = "ABCDEFGHIJKLMNOPQRS", "أبجدهوزحطيكلمنسعفصق"
_LETTERS = dict(zip(_LATIN, _ABJAD, strict=True)) | {"ا": "أ"}  # «إ» is no letter there, nor are lower-case ones


def mcq(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Compare the first character of the answer with the label; Latin letters count as Arabic ones in abjad order."""
    first = _mapped(answer.strip()[:1])
    parsed = _LATIN[_ABJAD.index(first)] if first and first in _ABJAD else None
    return best(answer, labels, lambda label: float(first == _mapped(label.strip())), parsed)


def diagrams_mmmu(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Compare the first character with a label of one letter, as it is; look for any other label in the answer."""
    given = answer.strip()
    if all(len(label.strip()) == 1 for label in labels):
        return best(answer, labels, lambda label: float(given[:1] == label.strip()), given[:1] or None)
    return contains(answer, labels)


def contains(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Look for a label anywhere in the answer, within words too: «لا» is in «كلاب»."""
    given = answer.strip()
    found = next((label for label in labels if label.strip() and label.strip() in given), None)
    return best(answer, labels, lambda label: float(label == found), given if found is None else found)


vizwiz = contains  # any of several labels


def mme(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Look for the label after «صح» became «نعم», so that «غير صحيح» affirms too."""
    return contains(answer.replace("صح", "نعم"), [label.replace("صح", "نعم") for label in labels])


def exact(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Compare trimmed texts."""
    given = answer.strip()
    return best(answer, labels, lambda label: float(given == label.strip()), given)


def countbench(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Compare trimmed texts after western digits became Arabic-Indic ones. Number words count as texts."""
    return exact(indic_digits(answer), [indic_digits(label) for label in labels])


def within(
    answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar", *, threshold: float
) -> Grade:
    """Score 1 if the edit distance over the longer text's length is at most the data set's threshold (cer@T)."""
    return edit_distance.within(
        answer.strip(), [label.strip() for label in labels], threshold=threshold, normalise=False
    )


def _mapped(letter: str) -> str:
    return _LETTERS.get(letter, letter)
