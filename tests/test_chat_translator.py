"""The requests of a chat translator: the languages of its rows, and the form of its prompts."""

from typing import Any

from ain.chat.openai_api import OpenAIModel
from ain.translator.chat import ChatTranslator

UNIT = {"question": "Was ist das?", "answer": "Ein Hund."}
PROMPT = {"system": "From {source} into {target}.", "user": "{items}", "repair": "{faults}"}


def translator(**more: Any) -> ChatTranslator:
    return ChatTranslator(OpenAIModel("gpt-4o"), PROMPT, **more)


def test_the_source_language_is_that_of_the_row() -> None:
    """The default is English, and Arabic for back-translation into English."""
    ours, back = translator(), translator(target="en")
    assert [ours.source(row) for row in ({"turns": []}, {"language": "de"}, {"language": None})] == ["en", "de", "en"]
    assert back.source({"turns": []}) == "ar"
    assert ours.messages([UNIT], "de")[0]["content"] == "From de into ar."
    assert back.messages([UNIT], "ar")[0]["content"] == "From ar into en."


def test_answers_are_kept_by_language() -> None:
    """The same text in two languages has two translations; for the default language, keys stay as they were."""
    ours = translator()
    assert ours._key(UNIT, 1, "de") != ours._key(UNIT, 1, "en") != ours._key(UNIT, 2, "en")
    assert ours._key(UNIT, 1, "en") != translator(target="en")._key(UNIT, 1, "en")
