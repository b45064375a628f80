"""Arabic text: which spellings compare equal, and which digits and option letters are understood."""

import pytest

from ain.text.arabic import arabic_share, option
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
    assert option(answer) == index


@pytest.mark.parametrize("answer", ["دائرة", "أحمر", "Because", "", "لا أعرف", "10", "٧"])
def test_a_word_is_no_option(answer: str) -> None:
    assert option(answer) is None


def test_share_of_arabic_letters() -> None:
    assert arabic_share("دائرة") == 1
    assert arabic_share("circle دا") == 0.25
    assert arabic_share("123 ؟!") is None
