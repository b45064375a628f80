"""The requests of a chat translator: the languages of its rows, and the form of its prompts."""

import json
from typing import Any, get_args

import pytest
import yaml

from ain.chat.openai_api import OpenAIModel
from ain.runtime.paths import ROOT
from ain.translator.chat import ChatTranslator
from ain.translator.faults import Kind
from ain.translator.replies import said_again

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


@pytest.mark.parametrize("language", ["arabic", "english"])
def test_the_prompt_says_which_letters_options_get(language: str) -> None:
    prompt = yaml.safe_load((ROOT / "conf" / "prompt" / f"{language}.yaml").read_text(encoding="utf-8"))
    chat = OpenAIModel("gpt-4o")
    said = {
        options: ChatTranslator(chat, prompt, options=options).messages([UNIT], "en")[0]["content"]  # type: ignore[arg-type]
        for options in ("auto", "arabic", "latin")
    }
    assert said["auto"] == said["arabic"] != said["latin"]
    assert "{B}" not in said["arabic"]
    examples = {"arabic": "الإجابة هي ب.", "latin": "الإجابة هي B."}
    for options, example in examples.items():
        answer = next(line for line in str(said[options]).splitlines() if line.startswith('{"translations"'))
        assert json.loads(answer)["translations"][0]["answer"] == example


@pytest.mark.parametrize(("language", "words"), [("arabic", "الترجمة فارغة"), ("english", "the translation is empty")])
def test_a_repair_names_faults_in_the_prompts_language(language: str, words: str) -> None:
    prompt = yaml.safe_load((ROOT / "conf" / "prompt" / f"{language}.yaml").read_text(encoding="utf-8"))
    assert set(prompt["faults"]) == set(get_args(Kind))
    ours = ChatTranslator(OpenAIModel("gpt-4o"), prompt)
    lost = {"fault": "placeholder", "reason": "lost: <image>", "detail": "<image>", "said": {"id": 7, "question": "س"}}
    empty = {"fault": "empty", "reason": "empty translation", "detail": "", "said": {"id": 3, "question": ""}}
    request = ours.request([["k", UNIT, lost], ["l", UNIT, empty]], "en")
    items, said, repair = (str(message["content"]) for message in request.messages[1:])
    assert (
        [item["id"] for item in json.loads(items)]
        == [item["id"] for item in json.loads(said)["translations"]]
        == [1, 2]
    )
    assert "1. " in repair
    assert "<image>" in repair
    assert f"2. {words}" in repair


def test_a_broken_answer_is_shown_once_as_it_was() -> None:
    assert said_again([{"said": "{broken"}, {"said": "{broken"}]) == "{broken"


def test_letters_of_options_are_part_of_an_answers_name() -> None:
    assert translator()._key(UNIT, 1, "en") != translator(options="latin")._key(UNIT, 1, "en")
    turn = {"question": "Which? A) red B) blue", "answer": "B"}
    made = {(turn["question"], ""): {"question": "أيهما؟ أ) أحمر ب) أزرق"}}
    assert translator()._turn(turn, made)["answer"] == "ب"
    assert translator(options="latin")._turn(turn, made)["answer"] == "B"
