"""Read whether an answer says yes or no, in English and Arabic."""

import re

from ain.text.answers import announced, bare, without_doubts

# All patterns are for unified texts in lower case.
_IDIOM = re.compile(
    r"\b(?:no|without(?: a| any)?) doubt\b|\bno (?:problem|worries)\b|\b(?:yes|true) ?(?:or|/) ?(?:no|false)\b"
    r"|(?<!\w)(?:(?:لا|بلا|بدون|دون) (?:ادني )?(?:شك|ريب)|لا (?:باس|بد)|ب?(?:نعم|صح|صحيح) ?(?:او|ام|/) ?ب?(?:لا|خطا|خاطئ))(?!\w)"
)
_BOTH = re.compile(r"\byes and no\b|(?<!\w)(?:نعم و ?لا|لا و ?نعم)(?!\w)")
_DECIDED = re.compile(
    r"(?<!\w)(?P<not>(?:not|\w{2,6}n[’']t|غير|ليس|ليست|مش|مو) (?:entirely |quite |really |be |هذا |هذه )?)?"
    r"(?:(?P<yes>yes|yeah|yep|yup|true|(?<!the )correct|affirmative|that[’']s right"
    r"|\Aright|نعم|اجل|بلي|اه|صح|صحيح[ةها]?|ايو[هةا])"
    r"|(?P<no>no(?!-)|nope|false|incorrect|untrue|wrong|لا|كلا(?! ال)|غلط|خطا|خاطئ[ةها]?))(?!\w)"
)
_NEGATED = re.compile(
    r"(?<!\w)(?:not|cannot|never|none|absent|neither|nobody|nothing|\w{2,6}n[’']t"
    r"|[وف]?(?:لا|ليس|ليست|لم|لن)|غير|مش|مو|مفيش|مافيش|ما ?في|ما ?فيه|ماكو)(?!\w)"
)
_STATED = re.compile(
    r"\bthere(?:[’']s| is| are)\b|\b(?:visible|present|contains an?|appears so|think so)\b"
    r"|\b(?:absolutely|certainly|definitely|of course|indeed|sure)\b"
    r"|(?<!\w)(?:[يت](?:وجد|ظهر|حتوي)|هناك|موجود[ةه]?|بالتاكيد|بالطبع|طبعا|اكيد)(?!\w)"
)


def affirms(answer: str) -> bool | None:
    """Return whether an answer says yes; None if it says neither, both or only that it is not known.

    An announced answer ("The answer is no") goes before all, then the first word that decides, then a negation, then a
    statement that something is there.
    """
    text = _IDIOM.sub(" ", bare(answer).lower()).strip()
    if text in ("y", "n"):
        return text == "y"
    last = _DECIDED.search(announced(text))
    if last:
        return _says_yes(last)
    text = without_doubts(text)
    if _BOTH.search(text):
        return None
    first = _DECIDED.search(text)
    if first:
        return _says_yes(first)
    if _NEGATED.search(text):
        return False
    return True if _STATED.search(text) else None


def _says_yes(match: re.Match[str]) -> bool:
    return (match["yes"] is not None) != (match["not"] is not None)
