"""Placeholders that a translation must leave unchanged."""

import pytest
from test_options import LEAST, found, split, table

from ain.metrics import checks
from ain.text.placeholders import added, lost, pieces, restored
from ain.text.refusals import refuses

TEXTS = [
    "<image>\nWhat is this?",
    "A. red\nB. blue",
    "See https://example.org/a?b=1 for more",
    "Run `pip install x` first",
    "```\nprint(1)\n```\nWhat does it print?",
    "  two  spaces  ",
    "B",
    "<image><image>\nCompare.",
    "Ask a@b.org about $x^2$ and \\(y\\), {name}: A) `x` B) <image_1>",
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


KINDS = {"lost": "placeholder", "changed": "placeholder", "added": "placeholder", "refused": "refused"}


def test_faults_are_found_and_nothing_else() -> None:
    good, bad = split(table("placeholders.tsv"))
    assert len(good) + len(bad) >= 200
    refused = [row for row in good if found(row)]
    missed = [row for row in bad if found(row) != KINDS.get(row["verdict"], found(row)) or not found(row)]
    assert len(refused) <= (1 - LEAST) * len(good), refused
    assert len(missed) <= (1 - LEAST) * len(bad), missed


def test_money_is_no_formula() -> None:
    for text in ("$5 and $10", "It costs $5, or 4$ there.", "US$3 and US$4", "$5-$10"):
        assert all(piece.language for piece in pieces(text) if any(map(str.isalnum, piece.text))), text
    for text in ("$x^2$", "$5$", "$\\text{the area of it} = 5$", "\\[x\\]", "$$x$$"):
        assert not any(piece.language for piece in pieces(text)), text


def test_what_was_added_is_named() -> None:
    assert added("<image>\nWhat?", "<image> <image>\nماذا؟") == "<image>"
    assert added("<image>\nWhat?", "<image>\nماذا؟") is None
    assert lost("See https://a.b now", "انظر \u200ehttps://a.b\u200f الآن") is None  # marks of direction are no change


def test_scores_leave_out_what_is_in_no_language_or_was_read() -> None:
    code = checks.judged_text(["Run `a b c d e` from https://a.b/c", "x"], ["شغّل `a b c d e` من https://a.b/c", "س"])
    assert checks.script_ratio(code, "ar") == 1
    assert checks.latin_run(code, "ar") == 0
    read = checks.judged_text(
        ["What does the sign say?", "No parking at any time"], ["ماذا تقول؟", "No parking at any time"]
    )
    assert checks.latin_run(read, "ar") == 0
    tag = checks.judged_text(["What is the hashtag?", "#NoFilter"], ["ما الوسم؟", "#NoFilter"])
    assert checks.script_ratio(tag, "ar") == 1
    left = checks.judged_text(["What is it?", "A dog on the lawn"], ["ما هذا؟", "dog on the lawn"])
    assert checks.latin_run(left, "ar") == 4


def test_an_apology_is_no_refusal() -> None:
    assert refuses("عذرًا، لا أستطيع مساعدتك", "What is this?")
    assert not refuses("عذرًا لأننا لم نجدك", "Sorry we missed you")
    assert not refuses("آسف، لا أستطيع مساعدتك", "I'm sorry, I can't help you.")
