"""The questions that domains ask about an image, with answers in both languages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """One question about an image. `kind` names the skill it asks for (colour, count, ...)."""

    kind: str
    question: str
    answer: str
    question_ar: str
    answer_ar: str
