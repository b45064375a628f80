"""The miniature's Arabic: gender, number, definiteness."""

import pytest

from ain.miniature.grammar import COLOURS, SHAPES, counted, exists, the_thing, thing
from ain.text.numbers import indic_digits

CIRCLE, SQUARE, TRIANGLE, STAR = SHAPES
RED, BLUE, *_ = COLOURS


def test_adjectives_agree() -> None:
    assert thing(CIRCLE, RED) == ("a red circle", "دائرة حمراء")
    assert thing(SQUARE, RED) == ("a red square", "مربع أحمر")
    assert the_thing(STAR, BLUE) == ("the blue star", "النجمة الزرقاء")


@pytest.mark.parametrize(
    ("number", "shape", "arabic"),
    [
        (0, STAR, "لا توجد نجوم"),
        (1, CIRCLE, "دائرة واحدة"),
        (1, SQUARE, "مربع واحد"),
        (2, CIRCLE, "دائرتان"),
        (2, SQUARE, "مربعان"),
    ]
    + [(3, STAR, "ثلاث نجوم"), (3, TRIANGLE, "ثلاثة مثلثات")],
)
def test_numbers_agree(number: int, shape: object, arabic: str) -> None:
    assert counted(number, shape)[1] == arabic  # type: ignore[arg-type]


def test_verbs_and_the_accusative() -> None:
    assert exists(CIRCLE) == "توجد"
    assert exists(SQUARE) == "يوجد"
    assert SQUARE.accusative == "مربعًا"
    assert CIRCLE.accusative == "دائرة"


def test_indic_digits() -> None:
    assert indic_digits(47) == "٤٧"
