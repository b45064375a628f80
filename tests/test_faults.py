"""Faults in a chat model's translation are detected from the text; good translations are accepted."""

import json

import pytest

from ain.chat.tokens import tokens
from ain.text.placeholders import core
from ain.translator.faults import Fault, fault, read_items
from ain.translator.replies import rechecked


@pytest.mark.parametrize(
    ("english", "arabic"),
    [
        ("What is the color of the car?", "ما لون السيارة؟"),
        ("Boeing 747", "بوينغ 747"),
        ("USB-C", "USB-C"),
        ("iPhone", "iPhone"),
        ("There are 3 cats.", "هناك ثلاث قطط."),
        ("There are three cats.", "هناك 3 قطط."),
        ("In 1,200 days", "في ١٬٢٠٠ يوم"),
        ("See https://x.org/a for <image>", "انظر https://x.org/a في <image>"),
        ("Sorry, what is that?", "عذرًا، ما هذا؟"),
        ("The Red Hot Chili Peppers play.", "تعزف فرقة Red Hot Chili Peppers."),
        ("A", "A"),
        ("What is shown in <image>?", "ماذا يظهر في <image>؟"),
        ("Have you seen https://x.org/a?", "هل رأيت https://x.org/a؟"),
        ("What does `f(2)` give?", "ماذا يعطي `f(2)`؟"),
        ("Twenty people wait.", "ينتظر 20 شخصًا."),
        ("Twenty-five birds", "25 طائرًا"),
        ("two hundred", "200"),
        ("It is 3.5 m long.", "طوله 3,5 م."),
    ],
)
def test_good_translations_have_no_fault(english: str, arabic: str) -> None:
    assert fault(english, arabic) is None


@pytest.mark.parametrize(
    ("english", "arabic", "kind"),
    [
        ("What is this?", "  ", "empty"),
        ("What is this?", "What is this?", "untranslated"),
        ("What is this?", "I'm sorry, but I can't help with that.", "refused"),
        ("What is this?", "عذرًا، لا أستطيع ترجمة هذا النص.", "refused"),
        ("The dog runs over the green hill.", "الكلب يركض over the green hill.", "half_translated"),
        ("<image>\nWhat is this?", "ما هذا؟", "placeholder"),
        ("See https://x.org/a", "انظر الرابط", "placeholder"),
        ("There are 3 cats.", "هناك 5 قطط.", "number"),
        ("It is 47 years old.", "عمره ٧٤ عامًا.", "number"),
        ("It was built in 1987.", "بُني قديمًا.", "number"),
        ("Yes", "Yes", "untranslated"),
        ("Two Dogs", "Two Dogs", "untranslated"),
    ],
)
def test_faults_are_told_by_kind(english: str, arabic: str, kind: str) -> None:
    found = fault(english, arabic)
    assert found
    assert found.kind == kind


def test_answers_come_back_in_their_places() -> None:
    items = [{"id": 2, "text": "ب"}, {"id": 1, "text": "أ"}, {"id": 1, "text": "again"}]
    fenced = f"```json\n{json.dumps({'translations': items})}\n```"
    assert read_items(fenced, 3) == [{"id": 1, "text": "أ"}, {"id": 2, "text": "ب"}, None]
    for text in (
        "no JSON",
        '{"translations": [{"id": 1',
        '{"other": []}',
        '{"translations": 7}',
        '{"translations": [{}]}',
        '{"translations": [{"id": 1, "text": "\\ud83d"}]}',
    ):
        found = read_items(text, 1)
        assert isinstance(found, Fault)
        assert found.kind == "json"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<image>\nWhat is this?", ("<image>\n", "What is this?", "")),
        ("What? <image>", ("", "What?", " <image>")),
        ("A. red\nB. blue", ("A.", " red\nB. blue", "")),
        ("47", ("47", "", "")),
        ("<image>", ("<image>", "", "")),
    ],
)
def test_only_words_are_sent(text: str, parts: tuple[str, str, str]) -> None:
    assert "".join(core(text)) == text
    assert core(text)[1].strip() == parts[1].strip()


def test_tokens_are_estimated_on_the_safe_side() -> None:
    """Estimates are compared with counts of OpenAI's own vocabularies."""
    english = "What is the colour of the car in the image? The car is red."
    arabic = "ما لون السيارة في الصورة؟ لون السيارة أحمر."
    counted = ((english, "o200k", 16), (arabic, "o200k", 11), (english, "cl100k", 16), (arabic, "cl100k", 30))
    for text, vocabulary, count in counted:
        assert count <= tokens(text, vocabulary) <= 1.34 * count


def test_a_stored_answer_is_checked_by_the_checks_of_today() -> None:
    """A fault that an earlier version saw in a good answer is gone; one that is there stays."""
    unit = {"question": "How many?", "answer": "a third"}
    stored = {"fault": "number", "reason": "number changed", "detail": "", "seconds": 1.0}
    good = stored | {"said": {"id": 1, "question": "كم؟", "answer": "الثلث"}}
    assert rechecked(unit, good, "ar", "Arabic") == {
        "seconds": 1.0,
        "fields": {"question": "كم؟", "answer": "الثلث"},
    }
    bad = stored | {"said": {"id": 1, "question": "كم؟", "answer": "الربع"}}
    assert rechecked(unit, bad, "ar", "Arabic")["fault"] == "number"
    cut = {"fault": "cut_off", "reason": "cut off", "detail": "", "said": "{"}
    assert rechecked(unit, cut, "ar", "Arabic") == cut
