"""Detects faults of a chat model's translation from the text alone. Each has a kind, which `retry_on` can name."""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from ain.runtime.printable import printable_values
from ain.text import options
from ain.text.arabic import arabic_share
from ain.text.placeholders import added, language_only, lost, moved
from ain.text.read_text import is_name, without_read_text
from ain.text.refusals import refuses
from ain.text.same_numbers import changed_number

Kind = Literal[
    "refused",  # the model or its filter declined
    "cut_off",  # the answer ran out of tokens
    "json",  # no JSON, or not in the requested form
    "missing",  # a field is missing
    "empty",
    "untranslated",  # hardly any Arabic
    "half_translated",  # a run of English words remains
    "placeholder",  # a placeholder, address, formula or code was lost or added, or an option has another letter
    "number",  # a number, sign, unit or order of numbers that differs
]

_ENGLISH_RUN = re.compile(r"[a-z]{2,}(?:[ ,'’-]+[a-z]+){2,}")  # three lower-case words in a row, so none is a name


@dataclass(frozen=True)
class Fault:
    kind: Kind
    reason: str
    detail: str = ""  # what of the text is at fault, for repair prompts in any language


def fault(
    text: str, made: str, target: str = "ar", script: str = "Arabic", question: str | None = None
) -> Fault | None:
    """Return the first fault of one text's translation, or None.

    For English, only faults that make it useless count, because its quality is scored later. script: key of OPTIONS with
    the letters that options get. question: that of the original, where the text is an answer.
    """
    if not made.strip():
        return Fault("empty", "empty translation")
    if refuses(made, text):
        return Fault("refused", f"refused: {made[:80]}")
    if target == "en":
        if (piece := moved(text, made)) is not None:
            return Fault("placeholder", f"lost or added: {piece}", piece)
        return Fault("untranslated", "untranslated: still Arabic") if (arabic_share(made) or 0) > 0.7 else None
    return _not_kept(text, made, script, question) or _from_english(text, made, question or "", target)


def _not_kept(text: str, made: str, script: str, question: str | None) -> Fault | None:
    if (piece := lost(text, made)) is not None:
        return Fault("placeholder", f"lost: {piece[:40]}", piece[:200])
    if (piece := added(text, made)) is not None:
        return Fault("placeholder", f"added: {piece[:40]}", piece[:200])
    known = options.known(question) if question is not None else None
    bare = question is None and len(text.strip()) == 1  # a letter that may name no option
    tried = [options.wrong(text, made, letters, known) for letters in ([script, "Latin"] if bare else [script])]
    if all(tried):
        return Fault("placeholder", f"letters of options: expected {tried[0]}", f"{tried[0]}")
    return None


def _from_english(english: str, arabic: str, question: str, target: str) -> Fault | None:
    language = language_only(without_read_text(english, arabic, question))
    share = arabic_share(language)
    if share is not None and share < 0.3 and not is_name(english):
        return Fault("untranslated", f"untranslated: {share:.0%} Arabic letters")
    if run := _ENGLISH_RUN.search(language):
        return Fault("half_translated", f"half translated: {run[0][:40]}", run[0][:200])
    if changed := changed_number(english, arabic, "en", target):
        return Fault("number", f"number changed: {changed}", changed[:200])
    return None


def read_items(text: str, count: int) -> list[dict[str, Any] | None] | Fault:
    """Return the items of {"translations": [{"id": 1, ...}, ...]} by id, None for each missing one, or the fault."""
    try:
        given = json.loads(text[text.index("{") : text.rindex("}") + 1])
        json.dumps(given, ensure_ascii=False).encode()  # JSON allows lone surrogates, UTF-8 does not
        items = printable_values(given["translations"])
        by_id = {int(item["id"]): item for item in reversed(items)}
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        return Fault("json", f"broken JSON: {type(error).__name__} {str(error)[:60]}")
    return [by_id.get(number) for number in range(1, count + 1)]
