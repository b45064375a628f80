"""Placeholders that a translation must leave unchanged."""

import pytest

from ain.text.placeholders import lost, pieces, restored

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
    translated, reason = restored("<image>\nWhich?\nA. red\nB. `x` https://a.b", str.upper)
    assert translated == "<image>\nWHICH?\nA. RED\nB. `x` https://a.b"
    assert reason is None
    assert restored("B", str.lower) == ("B", None)


def test_a_translation_that_is_empty_or_cut_off_is_unusable() -> None:
    assert restored("<image>\nWhat?", lambda text: " ")[1] == "empty translation"
    assert "cut off" in str(restored("<image>\nWhat?", lambda text: None)[1])


def test_what_did_not_come_through_is_named() -> None:
    assert lost("<image>\nWhat?", "ماذا؟") == "<image>"
    assert lost("See https://a.b", "انظر") == "https://a.b"
    assert lost("<image>\nWhat?", "<image>\nماذا؟") is None


def test_each_of_several_placeholders_counts() -> None:
    assert lost("<image> and <image>?", "<image> و؟") == "<image>"
