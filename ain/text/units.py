"""Units of measurement and currencies by the words that name them. Arabic words are as `folded` leaves them."""

import re
from functools import lru_cache

_NAMES = {
    "%": "% percent",
    "usd": "$ dollar dollars usd دولار دولارات",
    "eur": "€ euro euros eur يورو",
    "gbp": "£ pound pounds gbp جنيه جنيهات استرليني",
    "yen": "¥ yen ين",
    "riyal": "riyal riyals sar ريال ريالات",
    "dirham": "dirham dirhams aed درهم دراهم",
    "cent": "cent cents سنت سنتات",
    "km": "km kilometer kilometers kilometre kilometres kph kmh كم كيلومتر كيلومترات كيلو",
    "mile": "mile miles mi mph ميل اميال",
    "m": "m meter meters metre metres م متر امتار",
    "cm": "cm centimeter centimeters centimetre centimetres سم سنتيمتر سنتيمترات سنتمتر",
    "mm": "mm millimeter millimeters millimetre millimetres مم ملم ميليمتر مليمتر ملليمتر",
    "foot": "ft foot feet قدم اقدام",
    "inch": "inch inches بوصه بوصات انش",
    "kg": "kg kgs kilo kilos kilogram kilograms كغ كجم كغم كلغ كيلوغرام كيلوغرامات كيلوجرام كيلوجرامات كيلو",
    "g": "g gram grams غ جم غم غرام غرامات جرام جرامات",
    "lb": "lb lbs pound pounds رطل ارطال باوند",
    "litre": "l liter liters litre litres لتر لترات ليتر ليترات ل",
    "ml": "ml milliliter milliliters مل ملليلتر مليلتر",
    "celsius": "celsius centigrade مئويه سلزيوس",
    "fahrenheit": "fahrenheit فهرنهايت",
    "second": "second seconds sec ثانيه ثوان ثواني",
    "minute": "minute minutes min دقيقه دقائق",
    "hour": "hour hours hr hrs ساعه ساعات",
    "day": "day days يوم ايام",
    "week": "week weeks اسبوع اسابيع",
    "month": "month months شهر اشهر شهور",
    "year": "year years سنه سنوات سنين عام اعوام",
}
# A number may go without these in one language: "aged 12", «درجة», and «م» also stands for "AD".
_LOOSE = {
    "celsius",
    "fahrenheit",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "m",
    "g",
    "litre",
    "cent",
}
DEGREES = {"°", "degree", "degrees", "درجه", "درجات"}

UNITS: dict[str, frozenset[str]] = {}
for _unit, _words in _NAMES.items():
    for _word in _words.split():
        UNITS[_word] = UNITS.get(_word, frozenset()) | {_unit}


@lru_cache(10_000)
def unit(word: str) -> frozenset[str]:
    """Return the units that a word can name, none for another word. A dual names a unit too: «كيلومترين»."""
    found: frozenset[str] = frozenset()
    for end in ("", "ا", "ان", "ين", "تان", "تين"):
        if word.endswith(end):
            found |= UNITS.get(word[: len(word) - len(end)] + ("ه" if end.startswith("ت") else ""), frozenset())
    return found


def needed(units: frozenset[str]) -> bool:
    """Return whether a translation without the unit is wrong."""
    return bool(units) and not units & _LOOSE


_WORD = re.compile(r"[^\W\d_]+|[%$€£¥]")
_PREFIX = re.compile("^و?ف?(?:لل|[بلك]?(?:ال)?)")


def mentioned(text: str) -> frozenset[str]:
    """Return the units that are named anywhere in a text, with a number or without."""
    words = _WORD.findall(text)
    return frozenset().union(*(unit(word) | unit(_PREFIX.sub("", word)) for word in words))
