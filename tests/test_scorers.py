"""Scorers read answers as models give them. `data/answers.yaml` was written before them."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from ain.scorer import Grade

GROUPS = yaml.safe_load((Path(__file__).parent / "data" / "answers.yaml").read_text(encoding="utf-8"))


def scorer(name: str) -> Any:
    module, function = name.split(".")
    return getattr(import_module(f"ain.scorer.{module}"), function)


def rows() -> list[Any]:
    return [
        pytest.param(group, *row, id=f"{group['scorer']}-{number}-{place}")
        for number, group in enumerate(GROUPS)
        for place, row in enumerate(group["answers"])
    ]


@pytest.mark.parametrize(("group", "score", "parsed", "answer"), rows())
def test_answers(group: dict[str, Any], score: float, parsed: str | None, answer: str) -> None:
    settings = group.get("settings", {})
    grade = scorer(group["scorer"])(answer, group["labels"], group.get("options", []), group["language"], **settings)
    assert grade == Grade(pytest.approx(score, abs=1e-6), parsed), answer
