"""Make text from outside safe to print and to store."""

import re
from typing import Any

DEEPEST = 16  # levels of lists and objects in an answer

# Control characters but tab and line breaks: they move the cursor, colour a terminal, or forge lines of a log.
# Whole escape sequences go, so that none of their parameters stay in the text: commands (CSI) and titles, links (OSC).
_CONTROL = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]{0,32}[ -/]{0,8}[@-~]"
    "|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c]{0,256}(?:\x07|\x1b\\\\|\x9c)"
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)


def printable(text: str) -> str:
    """Return the text without control characters and ANSI escapes. Lone surrogates, which UTF-8 cannot encode, become ?."""
    return _CONTROL.sub("", text).encode(errors="replace").decode()


def one_line(text: str) -> str:
    """Return the text as one printable line."""
    return " ".join(printable(text).split())


def printable_values(value: Any, deepest: int = DEEPEST) -> Any:
    """Return parsed JSON with all its texts printable. Raises ValueError if it is nested too deeply."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict | list) and deepest == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {printable(name): printable_values(one, deepest - 1) for name, one in value.items()}
    return [printable_values(one, deepest - 1) for one in value] if isinstance(value, list) else value
