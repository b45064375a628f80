"""A screener's answer, read strictly: what cannot be read is no verdict, never a silent "safe"."""

import json
from dataclasses import dataclass

CATEGORIES = {
    "O1": "Hate, Humiliation, Harassment",
    "O2": "Violence, Harm, or Cruelty",
    "O3": "Sexual Content",
    "O4": "Nudity Content",
    "O5": "Criminal Planning",
    "O6": "Weapons or Substance Abuse",
    "O7": "Self-Harm",
    "O8": "Animal Cruelty",
    "O9": "Disasters or Emergencies",
    "NA": "None applying",
}


@dataclass(frozen=True)
class Verdict:
    rating: str  # Safe | Unsafe
    category: str  # a key of CATEGORIES
    rationale: str


def read_verdict(answer: str) -> Verdict | None:
    """None where the answer is no JSON object with rating and category, or names no known rating or category."""
    try:
        given = json.loads(answer[answer.index("{") : answer.rindex("}") + 1])
    except ValueError:
        return None
    rating, category = given.get("rating"), str(given.get("category", "")).split(":")[0].strip()
    if rating not in ("Safe", "Unsafe") or category not in CATEGORIES:
        return None
    return Verdict(rating, category, str(given.get("rationale", "")))
