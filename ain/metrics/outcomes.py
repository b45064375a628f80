"""Say how an answer came out, and why it counts less than a right one."""

from typing import Any

ENDED = ("stop", "length")  # how an answer ends; anything else is why there is none, or a refusal to give one
RIGHT, PARTLY, WRONG, UNPARSED = "right", "partly right", "wrong", "not readable"
UNANSWERED, UNLABELLED = "no answer", "no label"
OUTCOMES = (RIGHT, PARTLY, WRONG, UNPARSED, UNANSWERED, UNLABELLED)


def outcome(answer: dict[str, Any]) -> str:
    """Return one of OUTCOMES. answer: its finish, score (None without a label), and parsed (None: nothing was read)."""
    if answer["finish"] not in ENDED:
        return UNANSWERED
    if answer["score"] is None:
        return UNLABELLED
    if answer["score"] > 0:
        return RIGHT if answer["score"] >= 1 else PARTLY
    return UNPARSED if answer["parsed"] is None else WRONG


def why(answer: dict[str, Any]) -> str:
    """Return why an answer is not right, in a few words; an empty text if it is, or if nobody knows."""
    found, cut = outcome(answer), "; it was cut off at the limit of tokens" if answer["finish"] == "length" else ""
    if found == UNANSWERED:
        return str(answer["finish"])
    if found == UNPARSED:
        return ("the answer is empty" if not answer["prediction"].strip() else "no answer was found in the text") + cut
    if found in (WRONG, PARTLY):
        told = "is no label" if found == WRONG else "is like a label, not equal"
        return f"what was read {told}{cut}"
    return ""
