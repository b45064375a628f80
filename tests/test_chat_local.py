"""Language models on this machine: batches answer like single requests, also through the translator.

For images, see test_local_sees.py.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_text
from tiny_text import TEXTS

from ain import UserError
from ain.chat import Context, Reply, Request
from ain.chat.local import LocalModel
from ain.chat.openai_api import OpenAIModel
from ain.engine.local import Local
from ain.stages.translate import translate
from ain.storage.record import RECORD
from ain.storage.shards import Shards
from ain.translator.chat import ChatTranslator


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_text.checkpoint(tmp_path_factory.mktemp("language_model"))


def asked(chat: Any, requests: list[Request], tmp_path: Path) -> list[Reply]:
    replies: dict[str, Reply] = {}
    chat.generate(iter(requests), lambda request, reply: replies.update({request.key: reply}), tmp_path)
    return [replies[request.key] for request in requests]


def plain(replies: list[Reply]) -> list[tuple[Any, ...]]:
    return [(reply.text, reply.finish, reply.prompt_tokens, reply.completion_tokens) for reply in replies]


def test_a_batch_answers_as_one_by_one(language_model: str, tmp_path: Path) -> None:
    requests = [Request(text, [{"role": "user", "content": text}], 5 + i) for i, text in enumerate(TEXTS)]
    together = asked(LocalModel(language_model, batch_size=8, device="cpu"), requests, tmp_path)
    assert plain(together) == plain(asked(LocalModel(language_model, batch_size=1, device="cpu"), requests, tmp_path))
    assert [reply.completion_tokens for reply in together] == [5, 6, 7]
    assert {reply.finish for reply in together} == {"length"}
    assert together[1].prompt_tokens > together[2].prompt_tokens


def test_a_local_chat_model_translates(language_model: str, tmp_path: Path) -> None:
    """Answers of a random model are rejected with their reasons, and not requested again."""
    record = {
        **dict.fromkeys(RECORD.names),
        "id": "a",
        "language": "en",
        "turns": [{"question": "What is this?", "answer": "7"}],
    }
    Shards(tmp_path / "collect").create().write(0, [record])
    prompt = {"system": None, "user": "Translate: {text}"}

    def run(name: str) -> dict[str, Any]:
        chat = LocalModel(language_model, device="cpu")
        translator = ChatTranslator(chat, prompt, granularity="text", response_format="text")
        return translate(tmp_path / "collect", translator, Local(), tmp_path / "data" / name)

    counts = run("one")
    assert (counts["input"], counts["rejected"], counts["requests"]) == (1, 1, 1)
    assert Shards(tmp_path / "data" / "one").read(0, part="rejected")[0]["reasons"][0].startswith("cut off")
    assert run("two")["requests"] == 0


def test_continuations_are_scored_as_one_by_one_by_hand(language_model: str) -> None:
    """Compared with a plain forward pass of each. Only the answer of greedy decoding is marked greedy."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(language_model).eval()
    tokenizer = AutoTokenizer.from_pretrained(language_model)
    requests, expected, greedy = [], [], []
    for text in TEXTS:
        messages = [{"role": "user", "content": text}]
        prompt = tokenizer(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        context = torch.tensor([prompt["input_ids"]])
        with torch.inference_mode():
            likely = model.generate(context, do_sample=False, max_new_tokens=1, pad_token_id=0)[0, -1:].tolist()
        for continuation in (tokenizer.decode(likely), "cats", "Why is this large?", ""):
            ids = tokenizer(continuation, add_special_tokens=False)["input_ids"]
            whole = torch.tensor([prompt["input_ids"] + ids])
            with torch.inference_mode():
                steps = model(whole).logits[0, len(prompt["input_ids"]) - 1 : -1].log_softmax(-1)
            expected.append(sum(float(steps[i, token]) for i, token in enumerate(ids)))
            greedy.append(all(int(steps[i].argmax()) == token for i, token in enumerate(ids)))
            requests.append((messages, continuation))
    for batch_size in (5, 1):
        scores = LocalModel(language_model, batch_size=batch_size, device="cpu").loglikelihood(iter(requests))
        assert [score.logprob for score in scores] == pytest.approx(expected, abs=1e-4)
        assert [score.is_greedy for score in scores] == greedy
    assert sum(greedy) >= 3
    assert not all(greedy)


def test_options_share_a_forward_pass_and_are_scored_as_alone(language_model: str) -> None:
    """Conversations and plain texts, mixed. Continuations that differ in their last token cost one row together."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    plain, tokenizer = (
        AutoModelForCausalLM.from_pretrained(language_model).eval(),
        AutoTokenizer.from_pretrained(language_model),
    )
    contexts: list[Context] = [[{"role": "user", "content": "Why?"}], "What is this? ", "How many", "", "ما هذا؟"]
    requests = [(context, letter) for context in contexts for letter in ("A", "B", "C", "D", " ب")]
    expected, different = [], set()
    for context, letter in requests:
        text = context if isinstance(context, str) else tokenizer.apply_chat_template(context, tokenize=False)
        first = tokenizer(text.rstrip() if isinstance(context, str) else text)["input_ids"] or [tokenizer.eos_token_id]
        ids = tokenizer(text + letter)["input_ids"]
        ids = ids if text else first + ids
        assert ids[: len(first)] == first
        with torch.inference_mode():
            steps = plain(torch.tensor([ids])).logits[0, len(first) - 1 : -1].log_softmax(-1)
        wanted = ids[len(first) :]
        different.add((*first, None, *wanted[:-1]))
        expected.append(sum(float(steps[i, token]) for i, token in enumerate(wanted)))
    for batch_size in (4, 1):
        model = LocalModel(language_model, batch_size=batch_size, device="cpu")
        rows = []
        model._model.register_forward_pre_hook(lambda *args, rows=rows: rows.append(args), with_kwargs=True)
        assert [score.logprob for score in model.loglikelihood(requests)] == pytest.approx(expected, abs=1e-4)
        assert sum(len(inputs["input_ids"]) for _, _, inputs in rows) == len(different) < len(requests) / 2


def test_an_answer_ends_at_its_stop_text(language_model: str, tmp_path: Path) -> None:
    """It is cut there, and in a batch each request has stop texts of its own."""
    model = LocalModel(language_model, device="cpu")
    messages = [{"role": "user", "content": "Why?"}]
    (whole,) = asked(model, [Request("a", messages, 12)], tmp_path)
    middle = whole.text[len(whole.text) // 2]
    cut, same = asked(model, [Request("a", messages, 12, stop=(middle, "@@")), Request("b", messages, 12)], tmp_path)
    assert (cut.text, cut.finish) == (whole.text.partition(middle)[0].strip(), "stop")
    assert cut.completion_tokens <= same.completion_tokens
    assert same == replace(whole, seconds=same.seconds)


def test_models_that_cannot_score_say_so() -> None:
    model = OpenAIModel("any", base_url="http://127.0.0.1:9")
    with pytest.raises(UserError, match="OpenAIModel cannot score continuations; use a checkpoint on this machine"):
        model.loglikelihood([])


def test_without_a_checkpoint_of_its_own_it_takes_the_given_one() -> None:
    model = LocalModel(None, batch_size=3)
    assert model.with_checkpoint("trained").checkpoint == "trained"
    assert model.with_checkpoint("trained").with_checkpoint("another").checkpoint == "trained"
    with pytest.raises(UserError, match="no checkpoint is named"):
        model.loglikelihood([([{"role": "user", "content": "Why?"}], "so")])
