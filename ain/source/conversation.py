"""A conversation of people's data as exchanges, with a reason for whatever does not fit."""

import re
from typing import Any

from ain.arabic import arabic_share

IMAGE = "<image>"
VIDEO = "<video>"
PLACEHOLDERS = {IMAGE: "image", VIDEO: "video"}  # and what chat templates call them
_PLACEHOLDER = re.compile("|".join(PLACEHOLDERS))
_SPECIAL = re.compile(r"<\|\w+\|>|\ufffc")  # what a chat template gives a meaning of its own
_HALF = re.compile("[\ud800-\udfff]")
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


def exchanges(turns: Any, images: int, videos: int = 0) -> tuple[list[dict[str, str]], list[str]]:
    """(exchanges, reasons) from turns of LLaVA's {"from", "value"} or of messages' {"role", "content"}.

    A system prompt goes in front of the first question. Pictures and videos that no text refers to go there too.
    """
    if not isinstance(turns, list) or not turns:
        return [], ["no conversation"]
    spoken: list[tuple[str, str]] = []
    for turn in turns:
        if not isinstance(turn, dict):
            return [], [f"a turn is no object: {str(turn)[:40]}"]
        name, text = turn.get("from", turn.get("role")), turn.get("value", turn.get("content"))
        if name not in _ROLES:
            return [], [f"unknown role: {name}"]
        if not isinstance(text, str):
            return [], [f"a turn of {name} has no text"]
        spoken.append((_ROLES[name], text.strip()))

    system = [text for role, text in spoken if role == "system"]
    spoken = [turn for turn in spoken if turn[0] != "system"]
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


def _texts(made: list[dict[str, str]]) -> list[str]:
    reasons = []
    if any(not unplaced(exchange["question"]).strip() for exchange in made):
        reasons.append("no question")
    if any(not exchange["answer"] for exchange in made):
        reasons.append("empty answer")
    text = " ".join(text for exchange in made for text in exchange.values())
    if special := _SPECIAL.search(text):
        reasons.append(f"special token in the text: {special[0]}")
    if _HALF.search(text):
        reasons.append("half a character in the text (a lone surrogate)")
    return reasons


def _placeholders(made: list[dict[str, str]], placeholder: str, given: int) -> list[str]:
    """Checks the placeholders against the pictures; a conversation without any gets one for each in its first question."""
    if any(placeholder in exchange["answer"] for exchange in made):
        return ["placeholder in an answer"]
    what = PLACEHOLDERS[placeholder]
    count = sum(exchange["question"].count(placeholder) for exchange in made)
    if count > given:
        return [
            f"placeholder without {'an image' if what == 'image' else 'a video'}: {count} placeholders, {given} {what}s"
        ]
    if count == 0 and given:
        made[0]["question"] = placeholder * given + "\n" + made[0]["question"]
    elif count < given:
        return [f"{given} {what}s, but {count} placeholders"]
    return []


def placed(made: list[dict[str, str]]) -> list[str]:
    """The placeholders of all questions in order."""
    return [found for exchange in made for found in _PLACEHOLDER.findall(exchange["question"])]


def unplaced(text: str) -> str:
    """The text without placeholders."""
    return _PLACEHOLDER.sub("", text)


def language(made: list[dict[str, str]]) -> str:
    """`arabic` where at least half of the letters are Arabic, else `english`."""
    share = arabic_share(" ".join(unplaced(text) for exchange in made for text in exchange.values()))
    return "arabic" if share is not None and share >= 0.5 else "english"
