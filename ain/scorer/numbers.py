"""Compare numbers, in digits of any script or in English and Arabic words."""

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

from ain.scorer import Grade, best
from ain.scorer.texts import compared
from ain.text.answers import announced, bare, standard_numbers, without_doubts
from ain.text.languages import guessed
from ain.text.quantities import Quantity, Value, quantities
from ain.text.units import unit


def read(answer: str, language: str = "en") -> Quantity | None:
    """Return the number that an answer gives: the first of what it announces ("The answer is ..."), otherwise the last.

    A word that need not be a number, such as "none" or the dual «كلبان», counts if there is no other number.
    """
    text = standard_numbers(bare(answer))
    code = guessed(text) if language in ("en", "ar") else language
    given = quantities(announced(text), code)
    if given:
        return next((quantity for quantity in given if quantity.certain), given[0])
    given = quantities(without_doubts(text), code)
    certain = [quantity for quantity in given if quantity.certain]
    if certain:
        return certain[-1]
    return given[0] if len({quantity.values for quantity in given}) == 1 else None


def number(
    answer: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    language: str = "en",
    *,
    units: Literal["ignore", "compare"] = "ignore",
) -> Grade:
    """Score 1 if the answer gives the number of a label. What is parsed is the number in western digits.

    units: ignore units and percent signs, or refuse an answer that names another unit than its label.
    """
    given = read(answer, language)

    def equals(label: str) -> float:
        wanted = read(label, language)
        if given is None or wanted is None or not given.values & wanted.values:
            return 0.0
        named = units == "compare" and given.units and wanted.units
        return float(not named or bool(given.units & wanted.units))

    return best(answer, labels, equals, _written(given))


def relaxed(
    answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "en", *, tolerance: float = 0.05
) -> Grade:
    """Score as ChartQA does: a number within 5 % of the label's, years included; any other label must be equal as text.

    The published rule reads 45% as 0.45 and asks for nothing but the number; here 45 counts as well, and the number may
    stand in a sentence. A label of 0 has no tolerance.
    """
    given = read(answer, language)
    text, numeric = compared(answer), any(map(_is_number, labels))

    def close(label: str) -> float:
        if not _is_number(label):
            return float(bool(text) and text == compared(label))
        wanted = read(label, language)
        if given is None or wanted is None:
            return 0.0
        return float(any(_near(one, other, tolerance) for one in _sizes(given) for other in _sizes(wanted)))

    return best(answer, labels, close, _written(given) if numeric else text or None)


def _is_number(label: str) -> bool:
    """Return whether a label is a number with at most a unit: not "Route 66"."""
    code = guessed(label)
    found = quantities(label, code)
    if len(found) != 1:
        return False
    rest = (label[: found[0].start] + " " + label[found[0].end :]).lower().split()
    return all(unit(word) or not any(map(str.isalnum, word)) for word in rest) or found[0].text == label.lower()


def _near(one: Fraction, other: Fraction, tolerance: float) -> bool:
    return abs(one - other) <= Fraction(str(tolerance)) * abs(other)


def _sizes(quantity: Quantity) -> set[Fraction]:
    sizes = {value for value in quantity.values if isinstance(value, Fraction)}
    return sizes | {value / 100 for value in sizes} if "%" in quantity.units else sizes


def _written(quantity: Quantity | None) -> str | None:
    if quantity is None:
        return None
    value = min(quantity.values, key=_plainness)
    if isinstance(value, str):
        return value
    if value.denominator == 1:
        return str(value.numerator)
    exact = Context(prec=12).divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"{exact:f}"


def _plainness(value: Value) -> tuple[bool, bool, Fraction, str]:
    """Order the readings of a number: whole ones first, then larger ones."""
    if isinstance(value, str):
        return True, True, Fraction(0), value
    return False, value.denominator != 1, -value, ""
