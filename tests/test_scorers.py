"""Scorers read answers as models give them. `data/answers.yaml` was written before them."""

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ain.scorer import Grade
from ain.scorer.edit_distance import character_error_rate, word_error_rate

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


SCORERS = {
    name: scorer(name)
    for name in (
        *(f"texts.{name}" for name in ("exact", "contains", "any_of")),
        *(f"edit_distance.{name}" for name in ("cer", "wer", "within", "anls")),
        *(f"overlap.{name}" for name in ("chrf", "token_f1", "vqa")),
        *(f"camel_official.{name}" for name in ("mcq", "diagrams_mmmu", "contains", "mme", "exact", "countbench")),
        *("options.option", "yes_no.yes_no", "numbers.number", "numbers.relaxed", "camel_official.vizwiz"),
    )
}
SCORERS["camel_official.within"] = partial(scorer("camel_official.within"), threshold=0.3)
# Words and signs that readers look for, so that random texts meet them.
PIECES = """A B a b (B) B) B. أ ب د. و هـ answer is الإجابة: هي the second option الخيار الثاني not ليس yes no نعم لا . , :
    \\boxed{ } </think> <think> ** 3 ٣ 1,5 three ثلاثة نصف -"""
TEXT = st.text(st.characters(), max_size=60) | st.lists(st.sampled_from([*PIECES.split(), "\n"]), max_size=15).map(
    " ".join
)
OPTIONS = st.sampled_from([[], ["red", "blue", "two cats"], ["أحمر", "أزرق"], ["1", "2", "3"], ["", "..", "A"]])
each_scorer = pytest.mark.parametrize("name", SCORERS)
few = hypothesis.settings(max_examples=40, deadline=None, derandomize=True)


@each_scorer
@few
@given(answer=TEXT, label=TEXT, options=OPTIONS, language=st.sampled_from(["en", "ar", "de"]))
def test_any_text_gets_a_grade(name: str, answer: str, label: str, options: list[str], language: str) -> None:
    grade = SCORERS[name](answer, [label], options, language)
    assert 0 <= grade.score <= 1
    assert grade == SCORERS[name](answer, [label], options, language)
    assert not grade.score or grade.parsed is not None


@each_scorer
@few
@given(label=TEXT.filter(str.strip), options=OPTIONS)
def test_a_label_is_a_right_answer(name: str, label: str, options: list[str]) -> None:
    assert SCORERS[name](label, [label], options).score == 1
    assert SCORERS[name](label, ["another label", label], options).score >= (0.5 if name == "overlap.vqa" else 1)


@each_scorer
@few
@given(answer=TEXT, label=TEXT, options=OPTIONS, before=st.sampled_from([" ", "\n", "\t \n"]))
def test_white_space_around_an_answer_changes_nothing(
    name: str, answer: str, label: str, options: list[str], before: str
) -> None:
    assert SCORERS[name](before + answer + "\n ", [label], options) == SCORERS[name](answer, [label], options)


@each_scorer
def test_an_empty_answer_scores_0(name: str) -> None:
    for answer in ("", "  \n\t"):
        assert SCORERS[name](answer, ["B", "نعم"], ["red", "blue"]) == Grade(0.0, None)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("options.option", "(A and "),
        ("options.option", "answer is \n"),
        ("yes_no.yes_no", "\\boxed{"),
        ("yes_no.yes_no", " "),
        ("numbers.number", "one and "),
        ("texts.contains", "ـwa"),
        ("edit_distance.cer", "ab"),
    ],
)
def test_long_answers_are_read(name: str, unit: str) -> None:
    """200,000 characters end, whatever they repeat: reading is linear. A quadratic reader would take hours."""
    answer = (unit * 200_000)[:200_000]
    assert 0 <= SCORERS[name](answer, ["blue"], ["red", "blue"]).score <= 1


def test_rates_are_not_capped() -> None:
    assert character_error_rate("abcd", "ab") == 1
    assert character_error_rate("abcdef", "ab") == 2
    assert word_error_rate("one two three", "one") == 2
    assert character_error_rate("أحمر", "احمر") == 0
    assert character_error_rate("أحمر", "احمر", normalise=False) == 0.25


def test_any_label_counts() -> None:
    assert SCORERS["options.option"]("ب", ["A", "B"]).score == 1
    assert SCORERS["edit_distance.cer"]("ab", ["xyz", "abc"]).score == pytest.approx(2 / 3)
    assert SCORERS["options.option"]("B", []).score == 0
