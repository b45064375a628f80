"""Arabic text: which spellings compare equal, and which digits and option letters are understood."""

from random import Random

import pytest

from ain.text import corruption
from ain.text.arabic import arabic_share
from ain.text.choices import chosen
from ain.text.normalise import normalise
from ain.text.numbers import western_digits


@pytest.mark.parametrize(
    ("one", "other"),
    [("هَٰذِهِ جُمْلَةٌ", "هذه جملة"), ("إجلس", "اجلس"), ("أحـــمر", "احمر"), ("٤٧", "47"), ("ﻣﺮﺑﻊ", "مربع"), ("على", "علي")],
)
def test_forms_of_one_text_are_equal(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


def test_normalising_keeps_what_distinguishes_words() -> None:
    assert normalise("مكتبة") != normalise("مكتبه")
    assert normalise("سؤال") != normalise("سوال")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("كتاب\u200f", "كتاب"),
        ("\u202bكتاب\u202c", "كتاب"),
        ("\ufeffكت\u200cاب\u2067", "كتاب"),
        ("کتابی", "كتابي"),
        ("ھذہ", "هذه"),
        ("٥٠٪", "50%"),
        ("ﻻ ﷲ", "لا الله"),
    ],
)
def test_letters_and_marks_that_look_alike_are_folded(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


def test_superscripts_and_fractions_stay_apart() -> None:
    assert normalise("2³") == "2³" != normalise("23")
    assert normalise("H₂O") == "h₂o"
    assert normalise("2½") == "2½"


def test_punctuation_is_western_where_asked() -> None:
    assert normalise("نعم، «لا»؛ ماذا؟") == "نعم، «لا»؛ ماذا؟"
    assert normalise("نعم، «لا»؛ ماذا؟", western_punctuation=True) == 'نعم, "لا"; ماذا?'


def test_digits() -> None:
    assert western_digits("٠١٢٣٤٥٦٧٨٩ ۴۵۶ ٣٫٥") == "0123456789 456 3.5"


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        ("أ", 0),
        ("ا", 0),
        ("(ب)", 1),
        ("ب.", 1),
        ("«ج»", 2),
        ("د) أحمر", 3),
        ("هـ", 4),
        ("ه", 4),
        ("B", 1),
        ("c.", 2),
        ("D) red", 3),
        ("الإجابة: أ", 0),
    ]
    + [("الإجابة الصحيحة هي ج", 2), ("The answer is B", 1), ("Option C", 2), ("٣", 2), ("1", 0)],
)
def test_options_are_read(answer: str, index: int) -> None:
    assert chosen(answer) == index


@pytest.mark.parametrize("answer", ["دائرة", "أحمر", "Because", "", "لا أعرف", "10", "٧"])
def test_a_word_is_no_option(answer: str) -> None:
    assert chosen(answer, ["v", "w", "x", "y", "z"]) is None


def test_share_of_arabic_letters() -> None:
    assert arabic_share("دائرة") == 1
    assert arabic_share("circle دا") == 0.25
    assert arabic_share("123 ؟!") is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("gender", "لا توجد دوائر"),
        ("gender", "حمراء"),
        ("gender", "هل توجد دائرة؟"),
        ("omission", "لا توجد دوائر"),
        ("truncated", "لا توجد دوائر"),
        ("truncated", "كم مربعًا في الصورة؟"),
        ("truncated", "ما العدد المكتوب؟"),
        ("truncated", "دائرة واحدة"),
    ],
)
def test_correct_arabic_is_no_damage(kind: str, text: str) -> None:
    turns = [{"question": text, "answer": "نعم"}]
    for seed in range(20):
        assert corruption.of_kind(kind, turns, turns, [turns], Random(seed)) == turns


def test_an_omitted_word_is_missed() -> None:
    """«ماذا في أسفل اليسار؟» and «ماذا يوجد أسفل اليسار؟» ask the same as the whole question."""
    turns = [{"question": "ماذا يوجد في أسفل اليسار؟", "answer": "نعم"}]
    made = {corruption.of_kind("omission", turns, turns, [turns], Random(seed))[0]["question"] for seed in range(50)}
    assert made == {"ماذا يوجد في اليسار؟", "ماذا يوجد في أسفل"}
