"""Find the quantities of a text: numbers in digits and in words, with sign and unit.

Number words are read in English and Arabic; in other languages only digits are. A clock's time is a number of hours,
which "half past three", 3:30 and «الثالثة والنصف» share. Decades and dates are texts: "90s", "12/5/2023".
"""

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from ain.text.normalise import DIACRITICS, INVISIBLE, LETTERS
from ain.text.number_words import Word, arabic_word, english
from ain.text.numbers import western_digits
from ain.text.spelled import Spelled
from ain.text.units import DEGREES, unit

Value = Fraction | str

_TANWIN = re.compile("\u064bا|ا\u064b")
_THOUSANDS = re.compile(r"(?<!\d{4})(?<=\d)[,،\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
_SQUARE = re.compile(r"(?<![^\W\d_])([ck]?m|[سك]?م)[23²³](?!\w)")
_PHRASES = (
    (re.compile(r"\bper ?cent\b|(?<!\w)(?:في ال|بال)(?:مئه|مائه)(?!\w)", re.I), "%"),
    (re.compile(r"(?:جزء|اجزاء) في المليون"), "ppm"),
    (re.compile(r"(?:degrees? )?below (?:zero|freezing)|(?:تحت|دون) الصفر", re.I), "☟"),
    (re.compile(r"\b(?:minus|negative)(?= )|(?<!\w)(?:سالب|ناقص)(?= )", re.I), "☝"),
)
_TOKEN = re.compile(
    r"""(?P<date>(?<!\d)(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}/\d{1,2}/\d\d)(?!\d))
    |(?P<clock>(?<!\d)\d{1,2}:[0-5]\d(?!\d))
    |(?P<ratio>(?<![\d.])\d+/[1-9]\d*(?![\d.]))
    |(?P<decade>\d*\d0['’]?s\b)
    |(?P<number>(?:(?<!\d,)\d+[.,]\d+(?![.,]\d)|\d+)[¼½¾⅓⅔⅛]?)(?:(?:st|nd|rd|th)(?![a-z]))?
    |(?P<vulgar>[¼½¾⅓⅔⅛])
    |(?P<word>[^\W\d_]+)
    |(?P<sign>[%$€£¥°☟☝]|(?<![\w)])[-−](?=[$€£¥]?\d))""",
    re.X,
)
_VULGAR = {"¼": Fraction(1, 4), "½": Fraction(1, 2), "¾": Fraction(3, 4), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3)}
_VULGAR["⅛"] = Fraction(1, 8)
_ROMAN = re.compile("(?=[IVX])(X{0,3})(IX|IV|V?I{0,3})")
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


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int
    joined: bool = False  # begins with «و»
    word: Word | None = None
    dual: bool = False
    stem: str = ""


def folded(text: str) -> str:
    """Return the text with western digits, without diacritics and thousands separators, and with one form of similar
    Arabic letters. The accusative «ألفًا» becomes «ألف»; «ألفا» is a dual."""
    if not text.isascii():
        text = DIACRITICS.sub("", _TANWIN.sub("", INVISIBLE.sub("", text))).translate(LETTERS).replace("ة", "ه")
    return _SQUARE.sub(r"\1", _THOUSANDS.sub("", western_digits(text)))


def quantities(text: str, language: str) -> list[Quantity]:
    """Return a text's quantities in order."""
    tokens = _tokens(folded(text), language)
    found: list[Quantity] = []
    at = 0
    while at < len(tokens):
        one, after = _read(tokens, at, language)
        if tokens[at].text == "☟" and found:
            found[-1] = replace(found[-1], values=frozenset(map(_negative, found[-1].values)), certain=True)
        if one is not None:
            found.append(one)
        at = after
    return found


def _tokens(text: str, language: str) -> list[_Token]:
    if language in ("en", "ar"):
        for phrase, sign in _PHRASES:
            text = phrase.sub(sign, text)
    return [_token(match, language) for match in _TOKEN.finditer(text)]


def _token(match: re.Match[str], language: str) -> _Token:
    kind, text = str(match.lastgroup), match[0]
    plain = _Token(kind, text, match.start(), match.end(), stem=text.lower())
    if kind != "word" or language not in ("en", "ar"):
        return plain
    if text.isascii() and (roman := _ROMAN.fullmatch(text)) and text != "I":
        return replace(plain, word=Word(_roman(roman), "unit", certain=False))
    if language == "en":
        return replace(plain, word=english().get(text.lower()))
    joined, word, dual, stem = arabic_word(text.lower())
    return replace(plain, joined=joined, word=word, dual=dual, stem=stem)


def _roman(match: re.Match[str]) -> Fraction:
    ends = {"": 0, "I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9}
    return Fraction(10 * len(match[1]) + ends[match[2]])


def _read(tokens: list[_Token], at: int, language: str) -> tuple[Quantity | None, int]:
    """Return the quantity that begins at a token, if one does, and the token after it."""
    token = tokens[at]
    if token.kind in ("sign", "word") and token.word is None:
        return None, at + 1
    if token.kind in ("date", "clock", "ratio", "decade"):
        made = _written(token)
        return replace(made, units=_units(tokens, at, at + 1)), at + 1
    if token.word is not None and token.word.kind == "decade":
        return _decade(tokens, at)
    number, after = _spelled(tokens, at, language)
    if not number.words:
        return None, at + 1
    number_value, after = _clock_words(tokens, number.value, at, after, language)
    values = {number_value} | ({number.other} if number.other else set())
    before = tokens[at - 1].text if at else ""
    before = tokens[at - 2].text if at > 1 and before in _CURRENCIES else before
    negative = before in ("-", "−") or (before == "☝" and not _numeric(tokens, at - 2))
    certain = number.certain and number_value != 1 or negative
    parts = _parts(number_value)
    made = Quantity(
        frozenset(map(_negative, values)) if negative else frozenset(values),
        " ".join(one.text for one in tokens[at:after]),
        token.start,
        tokens[after - 1].end,
        certain,
        unit(token.stem) if token.dual else _units(tokens, at, after),
        () if negative else parts,
    )
    return made, after


def _numeric(tokens: list[_Token], at: int) -> bool:
    return at >= 0 and (tokens[at].kind == "number" or tokens[at].word is not None)


def _negative(value: Value) -> Value:
    return value if isinstance(value, str) else -value


def _parts(value: Fraction) -> tuple[tuple[Value, ...], ...]:
    whole = value.numerator // value.denominator
    return ((Fraction(whole), value - whole),) if value.denominator in (2, 3, 4) and value > 1 else ()


def _written(token: _Token) -> Quantity:
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
    elif token.kind == "ratio":
        values = {numbers[0] / numbers[1]}
    else:
        century = numbers[0] // 100
        values = {f"{numbers[0]}s", f"{numbers[0] % 100}s"}
        parts = [(Fraction(century + 1),)] if numbers[0] % 100 == 0 else []
    return Quantity(frozenset(values), token.text, token.start, token.end, parts=tuple(parts))


def _decade(tokens: list[_Token], at: int) -> tuple[Quantity, int]:
    """Read "the nineties" and «تسعينيات القرن العشرين»."""
    token = tokens[at]
    assert token.word is not None
    values = {f"{token.word.value}s"}
    after = at + 1
    if [one.stem for one in tokens[after : after + 1]] == ["قرن"]:
        century, end = _spelled(tokens, after + 1, "ar") if after + 1 < len(tokens) else (Spelled(True), after)
        if century.words:
            values |= {f"{100 * (century.value - 1) + token.word.value}s"}
            after = end
    return Quantity(frozenset(values), token.text, token.start, token.end), after


def _spelled(tokens: list[_Token], at: int, language: str) -> tuple[Spelled, int]:
    """Read as many tokens as make one number. Return it and the token after it."""
    number = Spelled(arabic=language == "ar")
    after, joined = at, False
    for i in range(at, len(tokens)):
        token = tokens[i]
        if token.stem in ("and", "و") and token.word is None and number.words:
            joined = True
        elif token.stem in ("a", "an") and number.words:
            continue
        elif (word := _word(tokens, i, number.words > 0)) is not None and not (token.dual and number.words):
            if not number.take(word, joined or token.joined):
                break
            after, joined = i + 1, False
            if token.dual:
                break
        else:
            break
    return number, max(after, at + 1)


def _word(tokens: list[_Token], i: int, inside: bool) -> Word | None:
    token = tokens[i]
    if token.kind in ("number", "vulgar"):
        digits = token.text.rstrip("¼½¾⅓⅔⅛stndrh")
        value = Fraction(digits.replace(",", ".") or 0) + _VULGAR.get(token.text[-1], 0)
        return Word(value, "digits" if digits else "fraction")
    previous = tokens[i - 1] if i else None
    if previous is not None and previous.kind == "number" and inside and previous.end == token.start:
        if token.text in _ABBREVIATED:
            return Word(Fraction(_ABBREVIATED[token.text]), "scale")
    if token.word is None or token.word.kind == "decade":
        return None
    following = tokens[i + 1] if i + 1 < len(tokens) else None
    if following is not None and following.joined and token.stem in ("الفا", "مليونا") and following.word:
        return replace(token.word, value=token.word.value / 2)  # an accusative without its tanwin
    if previous is not None and previous.stem in ("one", "a") and following is not None and following.stem == "of":
        return _ordinal_fraction(token)
    return token.word


def _ordinal_fraction(token: _Token) -> Word | None:
    """Read "third" in "a third of" as a fraction."""
    word = token.word
    ordinal = word is not None and word.kind in ("unit", "ten") and word.value > 2 and token.stem[-2:] in ("rd", "th")
    return Word(1 / word.value, "fraction") if ordinal and word else word


def _clock_words(tokens: list[_Token], value: Fraction, at: int, after: int, language: str) -> tuple[Fraction, int]:
    """Read "half past three", "a quarter to five" and «الخامسة إلا ربعًا» as numbers of hours."""
    if after + 1 >= len(tokens):
        return value, after
    link = tokens[after].stem
    follows, end = _spelled(tokens, after + 1, language)
    if language == "en" and 0 < value < 1 and link in ("past", "after", "to") and follows.words and follows.value <= 12:
        return follows.value + (-value if link == "to" else value), end
    if language == "ar" and link == "الا" and follows.words and 0 < follows.value < 1:
        return value - follows.value, end
    return value, after


def _units(tokens: list[_Token], at: int, after: int) -> frozenset[str]:
    """Return the units that stand beside a number: before it a currency's sign, behind it a word or sign."""
    if at and (tokens[at - 1].text in _CURRENCIES or tokens[at - 1].text in ("USD", "SAR", "AED", "EUR", "GBP")):
        return unit(tokens[at - 1].text.lower())
    if after < len(tokens) and tokens[after].stem in DEGREES:
        scale = tokens[after + 1].stem if after + 1 < len(tokens) else ""
        return {"c": unit("celsius"), "f": unit("fahrenheit"), "م": unit("celsius"), "ف": unit("fahrenheit")}.get(
            scale, unit(scale) & {"celsius", "fahrenheit"}
        )
    if after < len(tokens) and (tokens[after].stem not in _CURRENCIES or tokens[after].start == tokens[after - 1].end):
        return unit(tokens[after].stem)
    return frozenset()
