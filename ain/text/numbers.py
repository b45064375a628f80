"""Convert digits between scripts."""

_WESTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬", "01234567890123456789.,")
_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def western_digits(text: str) -> str:
    """Convert digits, so that ٤٧ and ۴۷ become 47."""
    return text.translate(_WESTERN)


def indic_digits(number: int | str) -> str:
    """Convert digits, so that 47 becomes ٤٧."""
    return str(number).translate(_INDIC)
