"""The number words of English and Arabic: word → what it adds to a number.

Arabic words are listed as `folded` leaves them: no diacritics, one alif, ه for ة. num2words spells one gender and one case
only, so that it cannot list these forms; the tests read what it spells.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Literal

Kind = Literal["digits", "unit", "ten", "teen", "tens", "hundreds", "scale", "fraction", "decade"]


@dataclass(frozen=True)
class Word:
    """certain: false where the word may mean something else or goes without saying, as "one", "second" and «ثنائي» do.
    starts: false for a word that only multiplies, as "millions" and «آلاف» do. room: what may follow is less than this.
    """

    value: Fraction
    kind: Kind
    certain: bool = True
    starts: bool = True
    room: int = 1
    other: Fraction | None = None  # another reading of the word alone: «خمس» is five and a fifth


def _listed(words: str) -> list[str]:
    return words.split()


_HALF, _QUARTER = Fraction(1, 2), Fraction(1, 4)
_SCALES_EN = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_CARDINALS = _listed("one two three four five six seven eight nine ten")
_ORDINALS = _listed("first second third fourth fifth sixth seventh eighth ninth tenth")
_TEENS = _listed("eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
_TENS = _listed("twenty thirty forty fifty sixty seventy eighty ninety")
_LOOSE_EN: dict[str, float | Fraction] = {
    **dict.fromkeys(_listed("no none nothing without never nobody neither"), 0),
    **dict.fromkeys(_listed("once single alone"), 1),
    **dict.fromkeys(_listed("second both pair pairs couple twice double twin twins dual bi either another"), 2),
    **{"triple": 3, "thrice": 3, "quadruple": 4, "pentagon": 5, "hexagon": 6, "octagon": 8},
    **dict.fromkeys(_listed("quarter quarterly quarterfinal quarterfinals"), _QUARTER),
    **dict.fromkeys(_listed("semi semicircle semifinal semifinals hemisphere halfway mid"), _HALF),
}


def _loose(values: Mapping[str, float | Fraction]) -> dict[str, Word]:
    return {word: Word(Fraction(value), "unit", certain=False) for word, value in values.items()}


def _small(number: int, certain: bool = True) -> Word:
    kind: Kind = "unit" if number < 10 else "ten" if number == 10 else "teen"
    return Word(Fraction(number), kind, certain and number > 1)


def _scale(value: int, starts: bool = True) -> Word:
    return Word(Fraction(value), "scale", starts=starts, room=value if value > 12 else 1)


@cache
def english() -> dict[str, Word]:
    words = {"zero": Word(Fraction(0), "unit")}
    words |= {word: _small(i) for names in (_CARDINALS, _ORDINALS) for i, word in enumerate(names, 1)}
    for i, word in enumerate(_TEENS, 11):
        words |= dict.fromkeys((word, word.replace("twelve", "twelf") + "th"), _small(i))
    for i, word in enumerate(_TENS, 2):
        words |= dict.fromkeys((word, word[:-1] + "ieth"), Word(Fraction(10 * i), "tens", room=10))
        words[word[:-1] + "ies"] = Word(Fraction(10 * i), "decade")
    for word, value in _SCALES_EN.items():
        words |= {word: _scale(value), word + "th": _scale(value), word + "s": _scale(value, starts=False)}
    words |= {word + "s": Word(Fraction(1, i), "fraction") for i, word in enumerate(_ORDINALS, 1) if i > 2}
    words |= {
        "half": Word(_HALF, "fraction"),
        "halves": Word(_HALF, "fraction"),
        "quarters": Word(_QUARTER, "fraction"),
    }
    return _loose(_LOOSE_EN) | words | {"second": _small(2, certain=False)}


# Stems that take ه for the feminine, with their ordinal.
_UNITS_AR = {3: "ثلاث ثالث", 4: "اربع رابع", 5: "خمس خامس", 6: "ست سادس", 7: "سبع سابع", 8: "ثماني ثامن", 9: "تسع تاسع"}
_FRACTIONS_AR = {3: "ثلث اثلاث", 4: "ربع ارباع", 5: "اخماس", 6: "سدس اسداس", 8: "اثمان", 10: "اعشار"}
_STEMS = {2: "عشر", 3: "ثلاث", 4: "اربع", 5: "خمس", 6: "ست", 7: "سبع", 8: "ثمان", 9: "تسع"}
_SCALES_AR = {
    10**3: "الف الاف",
    10**6: "مليون ملايين",
    10**9: "مليار مليارات",
    10**12: "تريليون تريليونات",
}
_LOOSE_AR: dict[str, float | Fraction] = {
    **dict.fromkeys(_listed("لا ليس ليست لم لن بدون بلا دون اي لاشيء غير"), 0),
    **dict.fromkeys(_listed("واحد واحده احد احدي اول اولي حادي حاديه وحيد وحيده"), 1),
    **dict.fromkeys(_listed("ثاني ثانيه ثان ثنائي ثنائيه كلا كلتا كلي كلتي كلاهما كليهما كلتاهما زوج زوجا زوجين"), 2),
    **dict.fromkeys(_listed("مرتين مرتان ضعف ضعفي مزدوج مزدوجه توام معا اثنين الاثنين"), 2),
    **{stem + end: i for i, stem in enumerate(_listed("ثلاثي رباعي خماسي سداسي سباعي"), 3) for end in ("", "ه")},
    **{"ثمن": Fraction(1, 8)},
}


def _hundreds() -> Iterable[tuple[str, Word]]:
    for hundred in ("مئه", "مائه", "ميه"):
        yield hundred, _scale(100)
        for i, stem in (*_STEMS.items(), (8, "ثماني")):
            if i > 2:
                yield stem + hundred, Word(Fraction(100 * i), "hundreds", room=100)
        for end in ("ان", "ين", "ا", "ي"):
            yield hundred[:-1] + "ت" + end, Word(Fraction(200), "hundreds", room=100)


@cache
def arabic() -> dict[str, Word]:
    words = _loose(_LOOSE_AR) | {"صفر": Word(Fraction(0), "unit"), "ثمان": _small(8)} | dict(_hundreds())
    words |= dict.fromkeys(_listed("اثنان اثنتان اثنتين اثنا اثني اثنتا اثنتي"), _small(2))
    words |= {stem + end: _small(i) for i, stems in _UNITS_AR.items() for stem in stems.split() for end in ("", "ه")}
    words |= dict.fromkeys(("عشر", "عشره", "عاشر", "عاشره"), _small(10))
    words |= {stem: replace(words[stem], other=1 / words[stem].value) for stem in ("خمس", "سبع", "تسع", "عشر")}
    for i, stem in _STEMS.items():
        words |= dict.fromkeys((stem + "ون", stem + "ين"), Word(Fraction(10 * i), "tens"))
        words |= dict.fromkeys((stem + "ينيات", stem + "ينات"), Word(Fraction(10 * i), "decade"))
    for value, (singular, plural) in ((value, names.split()) for value, names in _SCALES_AR.items()):
        words |= {singular: _scale(value), plural: _scale(value, starts=False)}
        double = Word(Fraction(2 * value), "hundreds", room=value)
        words |= {singular + end: double for end in ("ان", "ين", "ا", "ي")}
    words |= {"بليون": _scale(10**9), "دزينه": _scale(12), "نصف": Word(_HALF, "fraction")}
    words |= dict.fromkeys(("نصفين", "نصفان"), Word(Fraction(2), "unit", certain=False, other=_HALF))  # cut in half
    for i, names in _FRACTIONS_AR.items():
        words |= dict.fromkeys(names.split(), Word(Fraction(1, i), "fraction"))
    return words | dict.fromkeys(("ثلثا", "ثلثي", "ثلثان", "ثلثين"), Word(Fraction(2, 3), "fraction"))


_PREFIX = re.compile("(و?ف?)(لل|[بلك]?(?:ال)?)")
_POSSESSIVE = re.compile("(?:هما|هم|هن|ها|نا|كم|ه)$")
_NOT_NUMBERS = {"لست", "الست", "واحات"}
# Endings of the dual, alone or before a pronoun: «كلبان», «سيارتين», «يديه». Many other words end so: it proves nothing.
_DUAL = re.compile("(?:.{3,}(?:ان|ين)|.{2,}(?:تا|تي)|.{2,}(?:ا|ي)(?:ه|ها|هم|هما|هن))$")
_NOT_DUAL = frozenset(
    _listed(
        "التي الذين كان بين اين حين حيوان مكان انسان الوان لون عنوان اسنان جدران اثناء فستان بستان الان ميدان "
        "دخان حصان عليه عليها مئويه اليه اليها فيه فيها لديه لديها لديهم عليهم اليهم حتي متي كانا هاتي مدينتي يمين "
        "سنين ياسمين تمرين يحملان عشرين ثلاثين اربعين خمسين ستين سبعين ثمانين تسعين "
    )
)


def arabic_word(word: str) -> tuple[bool, Word | None, bool, str]:
    """Return whether a folded word begins with «و», its number, whether it is a dual form only, and its stem: the word
    without conjunction, preposition and article."""
    if word in arabic():
        return False, arabic()[word], False, word
    if word in _NOT_NUMBERS:
        return False, None, False, word
    found = _PREFIX.match(word)
    joined = word.startswith("و") and len(word) > 2
    stems = [word[found.end() :], word[found.end(1) :]] if found else []
    stems += [word[1:]] if joined else []
    for stem in stems:
        bare = _POSSESSIVE.sub("", stem)
        for form in (stem, bare, bare[:-1] + "ه" if bare.endswith("ت") and bare != stem else ""):
            if form in arabic() and (form == stem or arabic()[form].kind in ("fraction", "unit")):
                return joined, arabic()[form], False, stem
    stems = [stem for stem in (*stems, word) if len(stem) > 1]
    dual = next((stem for stem in stems if _DUAL.fullmatch(stem)), None)
    if dual is not None and not {word, *stems} & _NOT_DUAL:
        return joined, Word(Fraction(2), "unit", certain=False), True, dual
    return joined, None, False, stems[0] if stems else word
