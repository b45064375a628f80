"""Check a translation with at most a small model: pure functions of the two texts and of the target language.

None means "does not apply": a text without numbers says nothing about numbers.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from ain.text import languages, options
from ain.text.arabic import diacritics_share
from ain.text.placeholders import added, keeps, language_only, lost
from ain.text.read_text import without_read_text
from ain.text.same_numbers import changed_number, have_numbers

_LATIN_RUN = re.compile(r"[A-Za-z][\w'’-]*(?:[ ,]+[A-Za-z][\w'’-]*)*")
_WORD = re.compile(r"\w+")


def same_numbers(original: str, translation: str, source: str = "en", target: str = "ar") -> float | None:
    """Return 1.0 if both texts have the same numbers, in digits or words, 0.0 if not, None if neither has any."""
    if changed_number(original, translation, source, target) is not None:
        return 0.0
    return 1.0 if have_numbers(original, translation, source, target) else None


def same_placeholders(original: Iterable[str], translation: Iterable[str], language: str = "ar") -> float | None:
    """Return 1.0 if all placeholders, addresses, formulas and code are kept and none is added, and options have the same
    letters; 0.0 if not, None if there are none. The texts are a question and its answer.

    Letters are those of the language's script or Latin, the same throughout the turn.
    """
    pairs = list(zip(original, translation, strict=True))
    if not any(keeps(text) or options.mentions(text) for pair in pairs for text in pair):
        return None
    if any(lost(*pair) or added(*pair) for pair in pairs):
        return 0.0
    offered = [None, *(options.known(pairs[0][0]) for _ in pairs[1:])]
    checked = [(one, other, known) for (one, other), known in zip(pairs, offered, strict=True)]
    scripts = (languages.option_script("auto", language), "Latin")
    return float(
        any(all(options.wrong(one, other, of, known) is None for one, other, known in checked) for of in scripts)
    )


def judged_text(original: Sequence[str], translation: Sequence[str]) -> str:
    """Return what of a translated turn has to be in the language: no code, address or placeholder, and not what was read
    in the image."""
    asked = ["", *original[:-1]]
    texts = zip(original, translation, asked, strict=True)
    return " ".join(language_only(without_read_text(*of)) for of in texts).strip()


def script_ratio(translation: str, language: str) -> float | None:
    """Return the share of letters in the language's script; None for a text without letters."""
    return languages.script_ratio(translation, language)


def length(original: str, translation: str) -> float | None:
    """Return the length of the translation in characters relative to the original; None if the original is empty."""
    return len(translation) / len(original) if original else None


def latin_run(translation: str, language: str) -> float | None:
    """Return the longest run of Latin words: a name has one or two, an untranslated phrase more. None for languages in
    Latin script."""
    if languages.language(language).script == "Latin":
        return None
    return float(max((len(_WORD.findall(run)) for run in _LATIN_RUN.findall(translation)), default=0))


def repetition(original: str, translation: str) -> float | None:
    """Return the share of repeated three-word sequences, beyond what the original repeats; None for short texts."""
    made = _repeated(translation)
    return None if made is None else max(0.0, made - (_repeated(original) or 0.0))


def _repeated(text: str) -> float | None:
    words = _WORD.findall(text.lower())
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(runs)) / len(runs) if len(runs) > 2 else None


def diacritics(translation: str, language: str) -> float | None:
    """Return the share of Arabic letters with a diacritic; None for other scripts and texts without Arabic letters."""
    return diacritics_share(translation) if languages.language(language).script == "Arabic" else None


def language(translation: str, language: str) -> float | None:
    """Return py3langid's probability that a text is in the language, varieties included, and not in a similar one
    (Persian or Urdu for Arabic). None for a text without letters."""
    if not any(map(str.isalpha, translation)):
        return None
    wanted = languages.language(language).identified_as
    return sum(float(share) for name, share in _identifier().rank(translation) if name in wanted)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
