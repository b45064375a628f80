"""Find text that was read in an image, such as the words of a sign. It may stay in the original's language."""

import re

_QUOTED = re.compile(
    r"«([^»\n]{1,1000})»|“([^”\n]{1,1000})”|‘([^’\n]{1,1000})’|\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)"
)
_SAYS = re.compile(r"\b(?:says?|reads?|written|printed|labell?ed|titled|entitled|named|called)\s*:", re.I)
_NOUN = (
    r"(?:text|words?|letters?|phrase|message|inscription|slogan|(?:sub)?title|head(?:line|ing)|caption|logo"
    r"|brand(?: name)?)"
)
_ASKS = re.compile(
    rf"\b(?:says?|written|printed|spelled|inscribed|spell)\b|\bwhat (?:does|do) .{0, 200}\bread\b|\bread the\b"
    rf"|\b(?:transcribe|transcription|ocr)\b|\b(?:extract|copy|type)\b.{{0,200}}\b{_NOUN}\b"
    rf"|\bwhat {_NOUN} (?:is|are|appears?|can)\b|\bwhat(?:'s|’s| is| are) the (?:\w+ )?{_NOUN}\b",
    re.I,
)


def without_read_text(original: str, translation: str, question: str = "") -> str:
    """Return the translation without what it may take over as it was read.

    That is a quotation of the original, what follows a colon, the answer to what is written, or a text that is no more
    than a name or code. question: that of the original, where it is an answer.
    """
    if is_name(original) and _bare(translation) == _bare(original):
        return ""
    given, quotes = original.casefold(), _QUOTED.search(original)
    quoted = [text for match in _QUOTED.finditer(translation) for text in match.groups() if text]
    read = [text for text in quoted if text.casefold() in given and (quotes or text != _bare(original))]
    if _ASKS.search(question) or _SAYS.search(original):
        ends = [translation if _ASKS.search(question) else "", translation.rpartition(":")[2].strip()]
        read += [text for text in ends if _bare(text) and _bare(text).casefold() in given]
    for text in read:
        translation = translation.replace(text, "\n", 1)
    return translation


def is_name(text: str) -> bool:
    """Return whether a text is a name or code that may stay: 747, iPhone, USB-C, H2O, a/b.jpg. A capital alone is not
    enough."""
    words = re.findall(r"[A-Za-z0-9](?:[\w./-]*\w(?:\(\))?)?", text)
    return len(words) <= 3 and all(
        word[1:] != word[1:].lower() or len(word) == 1 or bool(re.search(r"\d|\w[./]\w|\)$", word)) for word in words
    )


def _bare(text: str) -> str:
    return text.strip(" .!?\"'«»“”‘’\n")
