"""Convert a conversation of the user's data into turns, with a reason for everything that does not fit."""

import re
from dataclasses import dataclass, field
from typing import Any

from ain.source import parts
from ain.storage.record import Turns
from ain.text.languages import LANGUAGES, guessed
from ain.text.placeholders import IMAGE, PLACEHOLDERS, VIDEO, unplaced

_SPECIAL = re.compile(r"<\|\w+\|>|\ufffc")  # text with a special meaning in chat templates
_NO_TEXT = re.compile("[\ud800-\udfff\0]")
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


@dataclass
class Conversation:
    """What was read. images: those that messages carry themselves; added: what no message holds."""

    turns: Turns = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    images: list[Any] = field(default_factory=list)
    added: list[str] = field(default_factory=list)


def turns(messages: Any, images: int, videos: int = 0) -> Conversation:
    """Read LLaVA's {"from", "value"} messages or {"role", "content"} messages, whose content may be a list of parts.

    A system prompt goes before the first question, and so do images and videos that no text refers to.
    """
    if not isinstance(messages, list) or not messages:
        return Conversation(reasons=["no conversation"])
    made = Conversation()
    spoken: list[tuple[str, str]] = []
    for message in messages:
        if not isinstance(message, dict):
            return Conversation(reasons=[f"a message is no object: {parts.shown(message)}"])
        name, content = _either(message, "from", "role"), _either(message, "value", "content")
        if not isinstance(name, str) or name not in _ROLES:
            return Conversation(reasons=[f"unknown role: {parts.shown(name)}"])
        try:
            spoken.append((_ROLES[name], parts.text(content, made.images).strip()))
        except parts.Unreadable as error:
            return Conversation(reasons=[f"a message of {name} {error}"])

    system = [text for role, text in spoken if role == "system"]
    spoken = [message for message in spoken if message[0] != "system"]
    made.reasons = _order(spoken)
    if made.reasons:
        return made
    made.turns = [{"question": q[1], "answer": a[1]} for q, a in zip(spoken[::2], spoken[1::2], strict=True)]
    if system:
        made.turns[0]["question"] = "\n".join([*system, made.turns[0]["question"]])
        made.added.append("the system prompt before the first question")
    made.reasons = _texts(made.turns)
    for placeholder, count in ((IMAGE, images + len(made.images)), (VIDEO, videos)):
        _placeholders(made, placeholder, count)
    return made


def _either(message: dict[str, Any], one: str, other: str) -> Any:
    """Return the value of the key that is there: tables hold nulls for keys that a message does not have."""
    return message.get(other) if message.get(one) is None else message[one]


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
    return reasons + no_text(text, "the text")


def no_text(value: str, what: str) -> list[str]:
    """Return the reason why this can be no text of a record, if any. what: it is."""
    found = _NO_TEXT.search(value)
    if not found:
        return []
    return [f"a null character in {what}" if found[0] == "\0" else f"half a character in {what} (a lone surrogate)"]


def _placeholders(made: Conversation, placeholder: str, given: int) -> None:
    """Add reasons for placeholders that do not match the images. A conversation without any gets one per image in its
    first question."""
    if any(placeholder in turn["answer"] for turn in made.turns):
        made.reasons.append("placeholder in an answer")
        return
    what = PLACEHOLDERS[placeholder]
    count = sum(turn["question"].count(placeholder) for turn in made.turns)
    if count > given:
        one = "an image" if what == "image" else "a video"
        made.reasons.append(f"placeholder without {one}: {count} placeholders, {given} {what}s")
    elif count == 0 and given:
        made.turns[0]["question"] = placeholder * given + "\n" + made.turns[0]["question"]
        made.added.append(f"a missing {placeholder} before the first question")
    elif count < given:
        made.reasons.append(f"{given} {what}s, but {count} placeholders")


def language(chosen: str, given: Any, made: Turns) -> tuple[str, list[str]]:
    """Return (language, reasons): the row's own, else the one chosen for all rows, else a guess from the script."""
    if given is not None:
        known = isinstance(given, str) and given in LANGUAGES
        return (given, []) if known else ("en", [f"unknown language: {parts.shown(given)}"])
    if chosen != "auto":
        return chosen, []
    return guessed(" ".join(unplaced(text) for turn in made for text in turn.values())), []
