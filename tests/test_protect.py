"""What must come through a translation unharmed."""

import pytest

from ain.protect import numbers, pieces, restored, unusable

TEXTS = [
    "<image>\nWhat is this?",
    "A. red\nB. blue",
    "See https://example.org/a?b=1 for more",
    "Run `pip install x` first",
    "```\nprint(1)\n```\nWhat does it print?",
    "  two  spaces  ",
    "B",
    "<image><image>\nCompare.",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text


def test_only_language_is_translated() -> None:
    assert (
        restored("<image>\nWhich?\nA. red\nB. `x` https://a.b", str.upper)
        == "<image>\nWHICH?\nA. RED\nB. `x` https://a.b"
    )
    assert restored("B", str.lower) == "B"


def test_a_lost_placeholder_makes_a_translation_unusable() -> None:
    assert unusable("<image>\nWhat?", "ماذا؟") == "lost in translation: <image>"
    assert unusable("See https://a.b", "انظر") == "lost in translation: https://a.b"
    assert unusable("What?", "  ") == "empty translation"
    assert unusable("<image>\nWhat?", "<image>\nماذا؟") is None


def test_numbers_in_any_digits() -> None:
    assert numbers("in 1,200 days, 3.5") == numbers("٣٫٥ في ١٬٢٠٠ يوم")
    assert numbers("47") != numbers("٧٤")
