"""Keep a spreadsheet from taking text for a formula. Quoting a cell of a CSV file does not: quotes are gone before the cell
is read. So text that would be a formula gets an apostrophe in front, and reading takes it off again.
"""

import re

# What opens a formula somewhere: tab and line breaks are skipped in front of it, wide signs count where they are typed.
_FORMULA = r"[=+\-@\t\r\n＝＋－＠]"
_WOULD_BE = re.compile(f"'*{_FORMULA}")  # text that begins like an escaped one is escaped too, so that it reads back
_ESCAPED = re.compile(f"'+{_FORMULA}")


def escaped(text: str) -> str:
    return f"'{text}" if _WOULD_BE.match(text) else text


def unescaped(text: str) -> str:
    return text[1:] if _ESCAPED.match(text) else text
