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


def isolated(text: str, language: Language | None = None) -> Markup:
    """Return the text in a `bdi` with its language and direction. Code, addresses and Latin names in it keep their order.

    The browser finds out the direction of a text in an unknown language, or without a letter of its language's script, as
    a model's answer can be."""
    inner = escape(text)
    if ARABIC.search(text):
        pieces, end = [], 0
        for found in _LATIN.finditer(text):
            pieces += [escape(text[end : found.start()]), Markup('<bdi dir="ltr">{}</bdi>').format(found[0])]
            end = found.end()
        inner = Markup("").join([*pieces, escape(text[end:])])
    if language is None or script_ratio(text, language.code) == 0:
        return Markup('<bdi dir="auto">{}</bdi>').format(inner)
    return Markup('<bdi dir="{}" lang="{}">{}</bdi>').format(language.direction, language.code, inner)


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
