"""What can be wrong with a chat model's translation, told from the text alone. Each fault has a kind, for `retry` to name."""

import json
import re
from dataclasses import dataclass
from typing import Any

from ain.arabic import arabic_share
from ain.protect import lost, numbers, pieces

KINDS = (
    "refused",  # the model, or its filter, declined
    "cut_off",  # it ran out of tokens
    "json",  # no JSON, or not of the form that was asked for
    "missing",  # a field is not in it
    "empty",
    "untranslated",  # hardly any Arabic
    "half_translated",  # a run of English words was left in
    "placeholder",  # a placeholder, URL, code or option letter did not come through
    "number",  # a number that is not in the original
)

_REFUSAL = re.compile(
    r"^\W*(i[’']?m sorry|sorry,|i (can[’']?t|cannot|am unable)|as an ai|"
    r"(عذر[اً]+|آسف|أعتذر)[،,]? .{0,20}(لا (أستطيع|يمكنني)|غير قادر)|لا (أستطيع|يمكنني) (ترجمة|المساعدة))",
    re.I,
)
_ENGLISH_RUN = re.compile(r"[a-z]{2,}(?:[ ,'’-]+[a-z]{2,}){2,}")  # three words in a row, none of them a name
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
_SPELLED = {word: number for number, word in enumerate(_NUMBERS.split())}
_SPELLED |= {
    "first": 1,
    "second": 2,
    "third": 3,
    "single": 1,
    "both": 2,
    "double": 2,
    "twice": 2,
    "dozen": 12,
    "hundred": 100,
}


@dataclass(frozen=True)
class Fault:
    kind: str
    reason: str


def fault(english: str, arabic: str) -> Fault | None:
    """The first thing that is wrong with one text's translation."""
    if not arabic.strip():
        return Fault("empty", "empty translation")
    if _REFUSAL.match(arabic) and not _REFUSAL.match(english):
        return Fault("refused", f"refused: {arabic[:80]}")
    if (piece := lost(english, arabic)) is not None:
        return Fault("placeholder", f"lost: {piece[:40]}")
    language = " ".join(piece.text for piece in pieces(arabic) if piece.language)
    share = arabic_share(language)
    if share is not None and share < 0.3 and not _is_name(english):
        return Fault("untranslated", f"untranslated: {share:.0%} Arabic letters")
    if run := _ENGLISH_RUN.search(language):
        return Fault("half_translated", f"half translated: {run[0][:40]}")
    if strange := _strange_numbers(english, arabic):
        return Fault("number", f"number changed: {strange[0]} is not in the original")
    return None


def _is_name(english: str) -> bool:
    """Names and codes may stay as they are: Boeing 747, iPhone, USB-C, H2O."""
    words = re.findall(r"[A-Za-z][\w-]*", english)
    return len(words) <= 3 and all(word != word.lower() for word in words)


def _strange_numbers(english: str, arabic: str) -> list[str]:
    """Numbers of the translation that the original has neither in digits nor in words. Digits may become words."""
    said = {str(_SPELLED[word]) for word in re.findall(r"[a-z]+", english.lower()) if word in _SPELLED}
    return [number for number in numbers(arabic) if number not in said | set(numbers(english))]


def read_items(text: str, count: int) -> list[dict[str, Any] | None] | Fault:
    """The items of {"translations": [{"id": 1, ...}, ...]} by their ids, None for each that is missing; or what is wrong."""
    try:
        given = json.loads(text[text.index("{") : text.rindex("}") + 1])
        items = given["translations"]
        by_id = {int(item["id"]): item for item in reversed(items)}
    except (ValueError, KeyError, TypeError) as error:
        return Fault("json", f"broken JSON: {type(error).__name__} {str(error)[:60]}")
    return [by_id.get(number) for number in range(1, count + 1)]
