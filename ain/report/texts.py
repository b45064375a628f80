"""Write texts from data into pages: without placeholders, each with its direction, escaped for HTML or Markdown."""

import re
from typing import Any

from markupsafe import Markup, escape

from ain.text.languages import ARABIC, Language, script_ratio
from ain.text.placeholders import PLACEHOLDERS

# Code, tags, addresses and Latin words with signs behind them. In a right-to-left text their last sign would jump to the front.
_ONE = r"(?:`[^`\n]+`|</?[A-Za-z][^<>\n]*>|https?://\S*[\w/]|[\w.+-]+@[\w.-]+\w|[A-Za-z]\w*(?:\+\+|#|\([^()\n]*\))?)"
_LATIN = re.compile(f"{_ONE}(?: {_ONE})*", re.ASCII)
_MARKDOWN = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")
_LINK = re.compile(r"(?i)(https?|ftp)(:)(?=//)|(www)(\.)")


def bare(text: str) -> str:
    """Return a question or answer without the placeholders of its images."""
    for placeholder in PLACEHOLDERS:
        text = text.replace(placeholder, "")
    return text.strip()


def pieces(text: str) -> list[str]:
    """Return the text in pieces. In a text with Arabic each second one is code, an address or a Latin name, which keeps its
    order; any other text is one piece."""
    if not ARABIC.search(text):
        return [text]
    made, end = [], 0
    for found in _LATIN.finditer(text):
        made += [text[end : found.start()], found[0]]
        end = found.end()
    return [*made, text[end:]]


def direction(text: str, language: Language | None = None) -> str:
    """Return the value for HTML's `dir`. The browser finds out (`auto`) the direction of a text in an unknown language, or
    without a letter of its language's script, as a model's answer can be."""
    return "auto" if language is None or script_ratio(text, language.code) == 0 else language.direction


def isolated(text: str, language: Language | None = None) -> Markup:
    """Return the text in a `bdi` with its language and direction."""
    inner = Markup("").join(
        Markup('<bdi dir="ltr">{}</bdi>').format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces(text))
    )
    dir_ = direction(text, language)
    if language is None or dir_ == "auto":
        return Markup('<bdi dir="auto">{}</bdi>').format(inner)
    return Markup('<bdi dir="{}" lang="{}">{}</bdi>').format(dir_, language.code, inner)


def value(given: Any) -> Any:
    """Return a value of a table's cell for HTML: a dash for None, plain numbers, texts isolated if they need it."""
    if given is None or given == "":
        return "–"
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, int):
        return f"{given:,}"
    return isolated(given) if isinstance(given, str) and not given.isascii() else given


def cell(given: Any) -> str:
    """Return a value for a cell of a Markdown table. Texts bring no HTML, links or marks of their own."""
    text = str(given) if isinstance(given, str | float) else str(value(given))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _LINK.sub(lambda found: f"{found[1] or found[3]}{'&#58;' if found[2] else '&#46;'}", text)
    return _MARKDOWN.sub(r"\\\1", text).replace("\n", "<br>")
