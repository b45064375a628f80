"""The miniature's Arabic: gender, number, definiteness."""

from random import Random

import pytest

from ain.miniature.domains import agro, medical, video
from ain.miniature.grammar import (
    BAR,
    COLOURS,
    HOUSE,
    PLACES,
    SEEDLING,
    SHAPE,
    SHAPES,
    SPOT,
    counted,
    exists,
    how_many,
    moves,
    the_thing,
    thing,
)
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
    + [(3, STAR, "ثلاث نجوم"), (3, TRIANGLE, "ثلاثة مثلثات"), (4, BAR, "أربعة أعمدة"), (2, BAR, "عمودان")]
    + [(1, SPOT, "بقعة واحدة"), (2, SPOT, "بقعتان"), (3, SPOT, "ثلاث بقع"), (3, SEEDLING, "ثلاث شتلات")]
    + [(2, HOUSE, "بيتان"), (3, HOUSE, "ثلاثة بيوت"), (2, SHAPE, "شكلان"), (3, SHAPE, "ثلاثة أشكال")],
)
def test_numbers_agree(number: int, shape: object, arabic: str) -> None:
    assert counted(number, shape)[1] == arabic  # type: ignore[arg-type]


def test_verbs_and_the_accusative() -> None:
    assert exists(CIRCLE) == "توجد"
    assert exists(SQUARE) == "يوجد"
    assert SQUARE.accusative == "مربعًا"
    assert CIRCLE.accusative == "دائرة"
    assert (moves(CIRCLE), moves(SQUARE)) == ("تتحرك", "يتحرك")
    assert how_many(1, HOUSE).question_ar == "كم بيتًا في الصورة؟"
    assert how_many(2, SHAPE, "المشهد").question_ar == "كم شكلًا في المشهد؟"
    assert how_many(2, SEEDLING).question_ar == "كم شتلة في الصورة؟"


def test_both_adjectives_of_a_spot_agree() -> None:
    spot = medical.Spot("large", "dark", PLACES[0])
    asked = {q.question: (q.question_ar, q.answer_ar) for q in medical.ask((spot,), Random(0))}
    assert asked["What is seen at the top left?"] == ("ماذا يظهر في أعلى اليسار؟", "بقعة كبيرة داكنة")
    assert asked["Where is the large dark spot?"] == ("أين البقعة الكبيرة الداكنة؟", "أعلى اليسار")


def test_leaves_take_a_feminine_singular() -> None:
    asked = [q.question_ar for q in agro.ask((agro.Plant(RED, False, PLACES[1]),), Random(0))]
    assert "أين الشتلة ذات الأوراق الحمراء؟" in asked


def test_what_moves_has_its_verb_and_its_place() -> None:
    clip = video.Clip(STAR, (RED, RED), (PLACES[0], PLACES[3]), (video.vqa.Thing(SQUARE, BLUE, PLACES[1]),))
    asked = {q.question_ar: q.answer_ar for q in video.ask(clip, Random(0))}
    assert asked["هل تتحرك النجمة؟"] == "نعم"
    assert asked["هل يتحرك المربع؟"] == "لا"
    assert asked["أين النجمة في النهاية؟"] == "أسفل اليمين"
    assert asked["ما الفرق بين الصورة الأولى والأخيرة؟"] == "موضع النجمة"
    assert asked["كم شكلًا في المشهد؟"] == "شكلان"


def test_indic_digits() -> None:
    assert indic_digits(47) == "٤٧"
