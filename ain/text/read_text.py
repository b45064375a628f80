"""Find text that was read in an image, such as the words of a sign. It may stay in the original's language."""

import re

_QUOTED = re.compile(r"«([^»\n]+)»|“([^”\n]+)”|‘([^’\n]+)’|\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)")
_SAYS = re.compile(r"\b(?:says?|reads?|written|printed|labell?ed|titled|entitled|named|called)\s*:", re.I)
_NOUN = r"(?:text|words?|letters?|phrase|message|inscription|slogan|title|headline|caption|logo|brand(?: name)?)"
_ASKS = re.compile(
    rf"\b(?:says?|written|printed|spelled|inscribed|spell)\b|\bwhat (?:does|do) .*\bread\b|\bread the\b"
    rf"|\bwhat {_NOUN} (?:is|are|appears?|can)\b|\bwhat(?:'s|’s| is| are) the (?:\w+ )?{_NOUN}\b",
    re.I,
)


def without_read_text(original: str, translation: str, question: str = "") -> str:
    """Return the translation without what it may take over as it was read.

    That is a quotation of the original, what follows a colon, or the answer to what is written. question: that of the
    original, where it is an answer.
    """
    given = original.casefold()
    quoted = [text for match in _QUOTED.finditer(translation) for text in match.groups() if text]
    read = [
        text for text in quoted if text.casefold() in given and (_QUOTED.search(original) or text != _bare(original))
    ]
    if _ASKS.search(question) or _SAYS.search(original):
        ends = [translation.rpartition(":")[2].strip(), translation if _ASKS.search(question) else ""]
        read += [text for text in ends if _bare(text) and _bare(text).casefold() in given]
    for text in read:
        translation = translation.replace(text, "\n", 1)
    return translation


def _bare(text: str) -> str:
    return text.strip(" .!?\"'«»“”‘’\n")
