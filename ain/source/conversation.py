"""A conversation of people's data as exchanges, with a reason for whatever does not fit."""

import re
from typing import Any

from ain.arabic import arabic_share

IMAGE = "<image>"
_SPECIAL = re.compile(r"<\|\w+\|>|\ufffc")  # what a chat template gives a meaning of its own
_HALF = re.compile("[\ud800-\udfff]")
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


def exchanges(turns: Any, images: int) -> tuple[list[dict[str, str]], list[str]]:
    """(exchanges, reasons) from turns of LLaVA's {"from", "value"} or of messages' {"role", "content"}.

    A system prompt goes in front of the first question. Pictures that no text refers to go there too.
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
    return made, _texts(made) + _placeholders(made, images)


def _order(spoken: list[tuple[str, str]]) -> list[str]:
    if not any(role == "user" for role, _ in spoken):
        return ["no question"]
    roles = [role for role, _ in spoken]
    if any(role != ("user", "assistant")[i % 2] for i, role in enumerate(roles)):
        return ["questions and answers do not alternate"]
    return ["no answer to the last question"] if roles[-1] == "user" else []


def _texts(made: list[dict[str, str]]) -> list[str]:
    reasons = []
    if any(not exchange["question"].replace(IMAGE, "").strip() for exchange in made):
        reasons.append("no question")
    if any(not exchange["answer"] for exchange in made):
        reasons.append("empty answer")
    text = " ".join(text for exchange in made for text in exchange.values())
    if special := _SPECIAL.search(text):
        reasons.append(f"special token in the text: {special[0]}")
    if _HALF.search(text):
        reasons.append("half a character in the text (a lone surrogate)")
    return reasons


def _placeholders(made: list[dict[str, str]], images: int) -> list[str]:
    """Checks the placeholders against the pictures; a conversation without any gets one for each in its first question."""
    if any(IMAGE in exchange["answer"] for exchange in made):
        return ["placeholder in an answer"]
    placeholders = sum(exchange["question"].count(IMAGE) for exchange in made)
    if placeholders > images:
        return [f"placeholder without an image: {placeholders} placeholders, {images} images"]
    if placeholders == 0 and images:
        made[0]["question"] = IMAGE * images + "\n" + made[0]["question"]
    elif placeholders < images:
        return [f"{images} images, but {placeholders} placeholders"]
    return []


def language(made: list[dict[str, str]]) -> str:
    """`arabic` where at least half of the letters are Arabic, else `english`."""
    share = arabic_share(" ".join(text for exchange in made for text in exchange.values()).replace(IMAGE, ""))
    return "arabic" if share is not None and share >= 0.5 else "english"
