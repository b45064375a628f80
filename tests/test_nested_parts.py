"""Keys set on the chosen part reach the model inside it; errors name them as typed."""

import pytest
from test_config import config

from ain import UserError
from ain.chat.local import LocalModel
from ain.chat.openai_api import OpenAIModel
from ain.pipeline.build import component, plain
from ain.pipeline.fingerprint import content
from ain.pipeline.values import checked

OPENAI = ("translator=openai_compatible", "translator.model=gpt-4o", "screener=gpt_4o")
BACK = ("back_translation=openai_compatible", "back_translation.translator.model=any")


def test_a_key_reaches_the_model_that_takes_it() -> None:
    cfg = config(*OPENAI, "translator.temperature=0.5", "translator.how.max_cost_usd=3", *BACK)
    translator, screener = (component(cfg, group) for group in ("translator", "screener"))
    assert isinstance(translator.chat, OpenAIModel)
    assert (translator.chat.endpoint.model, translator.chat.endpoint.temperature) == ("gpt-4o", 0.5)
    assert (translator.chat.max_cost_usd, translator.chat.where) == (3, "translator")
    assert (screener.chat.limits.concurrency, screener.chat.where) == (64, "screener")
    back = component(cfg, "back_translation").translator
    assert (back.target, back.chat.where) == ("en", "back_translation.translator")
    screener = component(config(), "screener")
    assert isinstance(screener.chat, LocalModel)
    assert screener.chat.processor.checkpoint == screener.chat.checkpoint
    assert screener.chat.batch_size == 64


@pytest.mark.parametrize(
    "word",
    [
        "translator.how.requests_per_minute=abc",
        "translator.how.requests_per_minute=0",
        "translator.how.max_cost_usd=-1",
        "translator.how.price=[1]",
        "translator.how.token_limit=tokens",
        "translator.how.max_attempts=0",
        "translator.temperature=-1",
        "translator.structured_output=yaml",
        "translator.granularity=word",
        "translator.response_format=xml",
        "translator.retry_on=[jsn]",
        "translator.target=arabic",
        "screener.near_duplicate_bits=40",
        "screener.max_tokens=0",
        "screener.how.concurrency=1.5",
        "back_translation.translator.how.timeout_s=-2",
        "predictor.how.batch_size=0",
        "predictor.max_new_tokens=many",
    ],
)
def test_a_wrong_value_is_named_as_it_was_typed(word: str) -> None:
    cfg, (key, value) = config(*OPENAI, *BACK, word), word.split("=")
    with pytest.raises(UserError) as said:
        component(cfg, key.split(".")[0])
    assert str(said.value).startswith(f"{key}=")
    if "[" not in value:
        assert value in str(said.value)


def test_two_keys_that_do_not_go_together() -> None:
    cfg = config(*OPENAI, "translator.response_format=text")
    with pytest.raises(UserError, match=r"translator.response_format=text needs translator.granularity=text"):
        component(cfg, "translator")


def test_what_shapes_no_answer_is_not_in_the_fingerprint() -> None:
    def shaping(*words: str) -> object:
        return content(checked("translator", plain(config(*OPENAI, *words), "translator")))

    assert shaping("translator.how.base_url=http://a/v1", "translator.how.max_cost_usd=5") == shaping()
    for word in ("translator.temperature=1.0", "translator.reasoning_effort=low", "translator.model=another"):
        assert shaping(word) != shaping()
