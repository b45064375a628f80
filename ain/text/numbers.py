"""Convert digits between scripts and find the numbers of a text."""

import re

_WESTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬", "01234567890123456789.,")
_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
# 1,200.5 or 3.5 or 3,5 or 7; but 1,2,3 is three numbers
_NUMBER = re.compile(rf"{_THOUSANDS.pattern}(?![\d,])|(?<!\d,)\d+[.,]\d+(?![.,]\d)|\d+")


def western_digits(text: str) -> str:
    """Convert digits, so that ٤٧ and ۴۷ become 47."""
    return text.translate(_WESTERN)


def indic_digits(number: int | str) -> str:
    """Convert digits, so that 47 becomes ٤٧."""
    return str(number).translate(_INDIC)


def numbers(text: str) -> list[str]:
    """Return a text's numbers, sorted, in western digits, without thousands separators and with decimal points."""
    found = _NUMBER.findall(western_digits(text))
    return sorted(n.replace(",", "" if _THOUSANDS.fullmatch(n) else ".") for n in found)
