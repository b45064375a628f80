"""Find the quantities of a text: numbers in digits and in words, with sign and unit.

Number words are read in English and Arabic; in other languages only digits are. A clock's time is a number of hours,
which "half past three", 3:30 and «الثالثة والنصف» share. Decades and dates are texts: "90s", "12/5/2023".
"""

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from ain.text.number_tokens import Token, folded, tokens
from ain.text.number_words import Word
from ain.text.spelled import Spelled
from ain.text.units import DEGREES, unit

Value = Fraction | str

_VULGAR = {"¼": Fraction(1, 4), "½": Fraction(1, 2), "¾": Fraction(3, 4), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3)}
_VULGAR["⅛"] = Fraction(1, 8)
_SCALES = {"c": "celsius", "f": "fahrenheit", "م": "celsius", "ف": "fahrenheit"}
_CURRENCIES = {"$", "€", "£", "¥"}
_ABBREVIATED = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "bn": 10**9}


@dataclass(frozen=True)
class Quantity:
    """values: its readings. certain: false if it may go without saying, or may mean something else than a number.
    parts: what it may be spelled as instead, each several numbers; 2½ as 2 and ½."""

    values: frozenset[Value]
    text: str
    start: int
    end: int
    certain: bool = True
    units: frozenset[str] = frozenset()
    parts: tuple[tuple[Value, ...], ...] = ()


def quantities(text: str, language: str) -> list[Quantity]:
    """Return a text's quantities in order."""
    given = tokens(folded(text), language)
    found: list[Quantity] = []
    at = 0
    while at < len(given):
        one, after = _read(given, at, language)
        if given[at].text == "☟" and found:
            found[-1] = replace(found[-1], values=frozenset(map(_negative, found[-1].values)), certain=True)
        if one is not None:
            found.append(one)
        at = after
    return found


def _read(given: list[Token], at: int, language: str) -> tuple[Quantity | None, int]:
    """Return the quantity that begins at a token, if one does, and the token after it."""
    token = given[at]
    if token.kind in ("sign", "word") and token.word is None:
        return None, at + 1
    if token.kind in ("date", "clock", "ratio", "decade"):
        made = _written(token)
        return replace(made, units=_units(given, at, at + 1)), at + 1
    if token.word is not None and token.word.kind == "decade":
        return _decade(given, at)
    number, after = _spelled(given, at, language)
    if not number.words:
        return None, at + 1
    number_value, after = _clock_words(given, number.value, at, after, language)
    values = {number_value} | ({number.other} if number.other else set())
    before = given[at - 1].text if at else ""
    before = given[at - 2].text if at > 1 and before in _CURRENCIES else before
    negative = before in ("-", "−") or (before == "☝" and not _numeric(given, at - 2))
    certain = (number.certain and number_value != 1) or negative
    parts = _parts(number_value)
    made = Quantity(
        frozenset(map(_negative, values)) if negative else frozenset(values),
        " ".join(one.text for one in given[at:after]),
        token.start,
        given[after - 1].end,
        certain,
        _unit(token) if token.dual else _units(given, at, after),
        () if negative else parts,
    )
    return made, after


def _numeric(given: list[Token], at: int) -> bool:
    return at >= 0 and (given[at].kind == "number" or given[at].word is not None)


def _negative(value: Value) -> Value:
    return value if isinstance(value, str) else -value


def _parts(value: Fraction) -> tuple[tuple[Value, ...], ...]:
    whole = value.numerator // value.denominator
    if value.denominator in (2, 3, 4) and value > 1:
        return (Fraction(whole), value - whole), (Fraction(whole), 60 * (value - whole))  # or hours and minutes
    return ((value - 1, Fraction(1)),) if value > 100 and value % 100 == 1 else ()  # «ألف ليلة وليلة»


def _written(token: Token) -> Quantity:
    """Read a date, a time, a fraction or a decade in digits."""
    numbers = [Fraction(part) for part in re.findall(r"\d+", token.text)]
    values: set[Value]
    parts: list[tuple[Value, ...]] = [tuple(numbers)]
    if token.kind == "date":
        day, month, year = numbers if numbers[2] > 31 or numbers[0] <= 31 else reversed(numbers)
        values = {f"{day}/{month}/{year}"}
        parts += [(day, year), (month, year)]  # with the name of the month
    elif token.kind == "clock":
        hours = numbers[0] + numbers[1] / 60
        values = {hours, hours % 12}
        parts += [*_parts(hours), *([(numbers[0],), (numbers[0] % 12,)] if not numbers[1] else [])]
        parts += [(numbers[0] % 12 + 1, 60 - numbers[1])] if numbers[1] > 30 else []  # ten to three
    elif token.kind == "ratio":
        values = {numbers[0] / numbers[1]}
    else:
        century = numbers[0] // 100
        values = {f"{numbers[0]}s", f"{numbers[0] % 100}s"}
        parts = [(Fraction(century + 1),)] if numbers[0] % 100 == 0 else []
    return Quantity(frozenset(values), token.text, token.start, token.end, parts=tuple(parts))


def _decade(given: list[Token], at: int) -> tuple[Quantity, int]:
    """Read "the nineties" and «تسعينيات القرن العشرين»."""
    token = given[at]
    assert token.word is not None
    values = {f"{token.word.value}s"}
    after = at + 1
    if [one.stem for one in given[after : after + 1]] == ["قرن"]:
        century, end = _spelled(given, after + 1, "ar") if after + 1 < len(given) else (Spelled(True), after)
        if century.words:
            values |= {f"{100 * (century.value - 1) + token.word.value}s"}
            after = end
    return Quantity(frozenset(values), token.text, token.start, token.end), after


def _spelled(given: list[Token], at: int, language: str) -> tuple[Spelled, int]:
    """Read as many tokens as make one number. Return it and the token after it."""
    number = Spelled(arabic=language == "ar")
    after, joined = at, False
    for i in range(at, len(given)):
        token = given[i]
        if token.stem in ("and", "و") and token.word is None and number.words:
            joined = True
        elif token.stem in ("a", "an") and number.words:
            continue
        elif (word := _word(given, i, number.words > 0)) is not None and not (token.dual and number.words):
            if not number.take(word, joined or token.joined):
                break
            after, joined = i + 1, False
            if token.dual:
                break
        else:
            break
    return number, max(after, at + 1)


def _word(given: list[Token], i: int, inside: bool) -> Word | None:
    token = given[i]
    if token.kind in ("number", "vulgar"):
        digits = token.text.rstrip("¼½¾⅓⅔⅛stndrh")
        value = Fraction(digits.replace(",", ".") or 0) + _VULGAR.get(token.text[-1], 0)
        return Word(value, "digits" if digits else "fraction")
    previous = given[i - 1] if i else None
    attached = previous is not None and previous.kind == "number" and inside and previous.end == token.start
    if attached and token.text in _ABBREVIATED:
        return Word(Fraction(_ABBREVIATED[token.text]), "scale")
    if token.word is None or token.word.kind == "decade":
        return None
    following = given[i + 1] if i + 1 < len(given) else None
    if following is not None and following.joined and token.stem in ("الفا", "مليونا") and following.word:
        return replace(token.word, value=token.word.value / 2)  # an accusative without its tanwin
    if previous is not None and previous.stem in ("one", "a") and _is_ordinal(token):
        part = 1 / token.word.value
        of = following is not None and following.stem == "of"
        return Word(part, "fraction") if of else replace(token.word, other=part)  # "a third" may be the next one
    return token.word


def _is_ordinal(token: Token) -> bool:
    word = token.word
    return word is not None and word.kind in ("unit", "ten") and word.value > 2 and token.stem[-2:] in ("rd", "th")


def _clock_words(given: list[Token], value: Fraction, at: int, after: int, language: str) -> tuple[Fraction, int]:
    """Read "half past three", "a quarter to five" and «الخامسة إلا ربعًا» as numbers of hours."""
    if after + 1 >= len(given):
        return value, after
    link = given[after].stem
    follows, end = _spelled(given, after + 1, language)
    if language == "en" and 0 < value < 1 and link in ("past", "after", "to") and follows.words and follows.value <= 12:
        return follows.value + (-value if link == "to" else value), end
    if language == "ar" and link == "الا" and follows.words and 0 < follows.value < 1:
        return value - follows.value, end
    return value, after


def _units(given: list[Token], at: int, after: int) -> frozenset[str]:
    """Return the units that stand beside a number: before it a currency's sign, behind it a word or sign."""
    if at and (given[at - 1].text in _CURRENCIES or given[at - 1].text in ("USD", "SAR", "AED", "EUR", "GBP")):
        return _unit(given[at - 1])
    gap = given[after].start - given[after - 1].end if after < len(given) else 2
    if gap > 1 or (gap and given[after].text in _CURRENCIES):  # behind a comma: «24، فكم» asks how many
        return frozenset()
    if given[after].stem not in DEGREES:
        return _unit(given[after])
    scale = given[after + 1] if after + 1 < len(given) else given[after]
    return unit(_SCALES.get(scale.text.lower(), "")) or _unit(scale) & {"celsius", "fahrenheit"}


def _unit(token: Token) -> frozenset[str]:
    return unit(token.text.lower()) or unit(token.stem)
