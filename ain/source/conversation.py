"""Convert a conversation of the user's data into turns, with a reason for everything that does not fit."""

import re
from typing import Any

from ain.storage.record import Turns
from ain.text.languages import LANGUAGES, guessed
from ain.text.placeholders import IMAGE, PLACEHOLDERS, VIDEO, unplaced

_SPECIAL = re.compile(r"<\|\w+\|>|\ufffc")  # text with a special meaning in chat templates
_HALF = re.compile("[\ud800-\udfff]")
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


def turns(messages: Any, images: int, videos: int = 0) -> tuple[Turns, list[str]]:
    """Return (turns, reasons) from LLaVA's {"from", "value"} messages or from {"role", "content"} messages.

    A system prompt goes before the first question, and so do images and videos that no text refers to.
    """
    if not isinstance(messages, list) or not messages:
        return [], ["no conversation"]
    spoken: list[tuple[str, str]] = []
    for message in messages:
        if not isinstance(message, dict):
            return [], [f"a message is no object: {str(message)[:40]}"]
        name, text = message.get("from", message.get("role")), message.get("value", message.get("content"))
        if name not in _ROLES:
            return [], [f"unknown role: {name}"]
        if not isinstance(text, str):
            return [], [f"a message of {name} has no text"]
        spoken.append((_ROLES[name], text.strip()))

    system = [text for role, text in spoken if role == "system"]
    spoken = [message for message in spoken if message[0] != "system"]
    reasons = _order(spoken)
    if reasons:
        return [], reasons
    made = [{"question": q[1], "answer": a[1]} for q, a in zip(spoken[::2], spoken[1::2], strict=True)]
    if system:
        made[0]["question"] = "\n".join([*system, made[0]["question"]])
    reasons = _texts(made)
    for placeholder, count in ((IMAGE, images), (VIDEO, videos)):
        reasons += _placeholders(made, placeholder, count)
    return made, reasons


def _order(spoken: list[tuple[str, str]]) -> list[str]:
    if not any(role == "user" for role, _ in spoken):
        return ["no question"]
    roles = [role for role, _ in spoken]
    if any(role != ("user", "assistant")[i % 2] for i, role in enumerate(roles)):
        return ["questions and answers do not alternate"]
    return ["no answer to the last question"] if roles[-1] == "user" else []


def _texts(made: Turns) -> list[str]:
    reasons = []
    if any(not unplaced(turn["question"]).strip() for turn in made):
        reasons.append("no question")
    if any(not turn["answer"] for turn in made):
        reasons.append("empty answer")
    text = " ".join(text for turn in made for text in turn.values())
    if special := _SPECIAL.search(text):
        reasons.append(f"special token in the text: {special[0]}")
    if _HALF.search(text):
        reasons.append("half a character in the text (a lone surrogate)")
    return reasons


def _placeholders(made: Turns, placeholder: str, given: int) -> list[str]:
    """Return reasons for placeholders that do not match the images. A conversation without any gets one per image in
    its first question."""
    if any(placeholder in turn["answer"] for turn in made):
        return ["placeholder in an answer"]
    what = PLACEHOLDERS[placeholder]
    count = sum(turn["question"].count(placeholder) for turn in made)
    if count > given:
        return [
            f"placeholder without {'an image' if what == 'image' else 'a video'}: {count} placeholders, {given} {what}s"
        ]
    if count == 0 and given:
        made[0]["question"] = placeholder * given + "\n" + made[0]["question"]
    elif count < given:
        return [f"{given} {what}s, but {count} placeholders"]
    return []


def language(chosen: str, given: Any, made: Turns) -> tuple[str, list[str]]:
    """Return (language, reasons): the row's own, else the one chosen for all rows, else a guess from the script."""
    if given is not None:
        return str(given), [] if given in LANGUAGES else [f"unknown language: {str(given)[:20]}"]
    if chosen != "auto":
        return chosen, []
    return guessed(" ".join(unplaced(text) for turn in made for text in turn.values())), []
