"""A safety policy as text, and strict parsing of a screener's answers: an unreadable answer never counts as "safe"."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import (
    Any,
    NotRequired,  # pydantic wants this one before Python 3.12
)

from typing_extensions import TypedDict

from ain import UserError
from ain.runtime.printable import printable

NONE = "NA"  # no category applies
LAYOUT = {"category": "{code}: {name}", "forbidden": "  forbidden:", "allowed": "  allowed:", "rule": "  - "}


@dataclass(frozen=True)
class Verdict:
    rating: str  # Safe | Unsafe
    category: str  # a code of the policy, or NA
    rationale: str


class Category(TypedDict):
    name: str
    forbidden: list[str]
    allowed: list[str]


class Layout(TypedDict, total=False):
    """How a category is written: {code} and {name} stand for its own; `rule` begins each rule."""

    category: str
    forbidden: str
    allowed: str
    rule: str


class Wording(TypedDict, total=False):
    """Parts of a policy in other words."""

    opening: str
    layout: Layout
    steps: str
    answer: str
    repair: str


class Policy(TypedDict):
    """A policy as in conf/policy. A category that is null is left out."""

    opening: str
    categories: dict[str, Category | None]
    steps: str
    answer: str
    repair: str
    layout: NotRequired[Layout]


def categories(policy: Policy | None) -> dict[str, str]:
    """Return code → name of the policy's active categories. Raises UserError if there is none."""
    found = {code: rules["name"] for code, rules in policy["categories"].items() if rules} if policy else {}
    if not found:
        raise UserError("policy: it has no category; choose policy=ain or policy=llavaguard, or set screener=none")
    return found


def text(policy: Policy) -> str:
    """Return the policy's text for the prompt. {categories} in its answer stands for all of them, with their names."""
    layout: dict[str, Any] = {**LAYOUT, **policy.get("layout", {})}
    names = categories(policy)
    parts = [policy["opening"].strip()]
    for code, rules in policy["categories"].items():
        if not rules:
            continue
        lines = [layout["category"].replace("{code}", code).replace("{name}", rules["name"])]
        for kind, given in (("forbidden", rules["forbidden"]), ("allowed", rules["allowed"])):
            lines += [layout[kind], *(layout["rule"] + rule for rule in given)]
        parts.append("\n".join(lines))
    listed = "|".join(f'"{code}: {name}"' for code, name in names.items())
    answer = policy["answer"].strip().replace("{categories}", listed)
    return "\n\n".join([*parts, policy["steps"].strip(), answer])


def schema(codes: Collection[str]) -> dict[str, Any]:
    """Return the answer's JSON schema, for models with structured output."""
    properties = {
        "rating": {"type": "string", "enum": ["Safe", "Unsafe"]},
        "category": {"type": "string", "enum": [*codes, NONE]},
        "rationale": {"type": "string"},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read(answer: str, codes: Collection[str]) -> Verdict | str:
    """Return the verdict, or a short reason why there is none.

    "O6: Weapons" counts as O6; text around the JSON is ignored.
    """
    try:
        given = json.loads(answer[answer.index("{") : answer.rindex("}") + 1], object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:
        return str(error) if str(error).startswith("given twice") else "no JSON object"
    rating, category = given.get("rating"), str(given.get("category", "")).split(":")[0].strip()
    if rating not in ("Safe", "Unsafe"):
        return "the rating is neither Safe nor Unsafe"
    if category not in (*codes, NONE):
        return f"no such category: {category[:20] or 'none given'}"
    if rating == "Unsafe" and category == NONE:
        return "Unsafe without a category"
    rationale = given.get("rationale", "")
    return Verdict(rating, category, printable(rationale) if isinstance(rationale, str) else "")


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"given twice: {twice[0][:20]}")
    return dict(pairs)


def fields(verdict: Verdict | str) -> dict[str, Any]:
    """Return the verdict's values, or the `fault`, as a dictionary."""
    return {"fault": verdict} if isinstance(verdict, str) else asdict(verdict)
