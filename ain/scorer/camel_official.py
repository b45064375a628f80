"""Score as CAMEL-Bench's own scripts do, quirks included, to compare with what was published.

Texts are compared as they are: not normalised, only trimmed. Two differences: an empty answer scores 0, where the scripts
fail and drop the row from the denominator, and labels may be several.
"""

from collections.abc import Sequence

from ain.scorer import Grade, best, edit_distance
from ain.text.numbers import indic_digits

_LATIN, _ARABIC = "ABCDEFGHIJKLMNOPQRS", "أبجدهوزحطيكلمنعفصرس"  # from O on, other letters than in abjad order
_LETTERS = dict(zip(_LATIN, _ARABIC, strict=True)) | {"ا": "أ"}  # «إ» is no letter there, nor are lower-case ones


def mcq(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Compare the first characters of answer and label, of "(x)" those in brackets. Latin letters count as Arabic ones."""
    given = _letter(answer)
    parsed = _LATIN[_ARABIC.index(given)] if given and given in _ARABIC else None
    grade = best(answer, labels, lambda label: float(given == _letter(label)), parsed)
    return grade if parsed or not grade.score else Grade(grade.score, given)  # a label that begins with no letter


def diagrams_mmmu(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Compare the first character with a label of one character, as they are; look for any other label in the answer, after
    western digits of both became Arabic-Indic ones."""
    given = answer.strip()
    if all(len(label.strip()) == 1 for label in labels):
        return best(answer, labels, lambda label: float(given[:1] == label.strip()), given[:1] or None)
    return contains(indic_digits(answer), [indic_digits(label) for label in labels])


def contains(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Look for a label anywhere in the answer, within words too: «لا» is in «كلاب»."""
    given = answer.strip()
    found = next((label for label in labels if label.strip() and label.strip() in given), None)
    return best(answer, labels, lambda label: float(label == found), given if found is None else found)


def vizwiz(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Look for one of several labels in the answer; of a single one, for any of its letters."""
    parts = labels if len(labels) > 1 else list("".join(labels))
    given = answer.strip()
    found = next((part for part in parts if part.strip() and part in given), None)
    return best(answer, labels, lambda _: float(found is not None), given if found is None else found)


def mme(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "ar") -> Grade:
    """Look for the label in the answer; «صح» is «نعم» only as the whole answer."""
    return contains("نعم" if answer.strip() == "صح" else answer, labels)


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


def _letter(text: str) -> str:
    """Return the first character, or the one between brackets at the beginning, as an Arabic letter if it has one."""
    text = text.strip()
    first = text[1] if len(text) > 2 and text[0] == "(" and text[2] == ")" else text[:1]
    return _LETTERS.get(first, first)
