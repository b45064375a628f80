"""`ain serve`: OpenAI's client gets what the model gives in this process, also when many ask at once."""

import asyncio
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import tiny_qwen
import tiny_text
from commands import ain
from openai import BadRequestError, NotFoundError, OpenAI
from PIL import Image

from ain import UserError
from ain.chat import Message, Request, image_part, user_message
from ain.chat.local import LocalModel
from ain.model.families import processor
from ain.server.replies import offsets
from ain.server.serving import serve, serving
from ain.storage.images import png

QUESTIONS = ["What is this?", "Why?", "How many cats are there?", "ما هذا؟"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    checkpoint = tiny_qwen.checkpoint("qwen2_vl", tmp_path_factory.mktemp("served"))
    return LocalModel(checkpoint, processor(checkpoint), batch_size=4, device="cpu")


@pytest.fixture(scope="module")
def address(model: LocalModel) -> Iterator[str]:
    with serving(model, "tiny") as url:
        yield url


@pytest.fixture
def client(address: str) -> OpenAI:
    return OpenAI(base_url=address, api_key="none", max_retries=0, timeout=300)


def messages(number: int) -> list[Message]:
    image = Image.new("RGB", (56, 56 + 28 * number), (60 * number, 40, 200))
    return [user_message("<image>" + QUESTIONS[number], [image_part(png(image))])]


def test_conversations_with_images_are_answered_as_in_this_process(
    model: LocalModel, client: OpenAI, tmp_path: Path
) -> None:
    expected: dict[str, Any] = {}
    requests = [Request(str(i), messages(i), 6) for i in range(4)]
    model.generate(requests, lambda request, reply: expected.update({request.key: reply}), tmp_path)

    def ask(number: int) -> Any:
        return client.chat.completions.create(model="tiny", messages=messages(number), max_tokens=6)  # type: ignore[arg-type]

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(ask, range(4)))
    assert [one.choices[0].message.content for one in made] == [expected[str(i)].text for i in range(4)]
    assert [one.usage.prompt_tokens for one in made] == [expected[str(i)].prompt_tokens for i in range(4)]
    assert [one.choices[0].finish_reason for one in made] == [expected[str(i)].finish for i in range(4)]
    assert len({one.choices[0].message.content for one in made}) > 1
    text = expected["0"].text
    stopped = client.chat.completions.create(model="tiny", messages=messages(0), max_tokens=6, stop=text[2:4])  # type: ignore[arg-type]
    assert stopped.choices[0].message.content == text.partition(text[2:4])[0].strip()
    assert [one.id for one in client.models.list()] == ["tiny"]


@pytest.mark.parametrize("added", [0, 1])
def test_echoed_prompts_have_the_log_probabilities_of_their_tokens(
    model: LocalModel, client: OpenAI, added: int
) -> None:
    """As texts and as tokens, of different lengths in one request; what greedy decoding appends comes last."""
    ids = [model.tokenizer(text)["input_ids"] for text in QUESTIONS]
    scores = model.logprobs(ids, 1)
    for prompt in (QUESTIONS, ids):
        made = client.completions.create(model="tiny", prompt=prompt, max_tokens=added, echo=True, logprobs=1)
        for choice, score, text in zip(made.choices, scores, QUESTIONS, strict=True):
            found: Any = choice.logprobs
            count = len(score.ids) - 1 + added
            assert found.token_logprobs == [None, *pytest.approx(score.logprobs[1:count], abs=1e-5).expected]
            assert len(found.tokens) == len(found.text_offset) == len(found.top_logprobs) == count
            assert choice.text.startswith(text)
            tops = [max(top.values()) for top in found.top_logprobs[1:]]
            assert all(top >= logprob for top, logprob in zip(tops, found.token_logprobs[1:], strict=True))
            if added:  # the last token is greedy
                assert tops[-1] == found.token_logprobs[-1]


def test_plain_prompts_are_continued(model: LocalModel, client: OpenAI) -> None:
    made = client.completions.create(model="tiny", prompt=QUESTIONS, max_tokens=5)
    expected = model.complete([model.tokenizer(text)["input_ids"] for text in QUESTIONS], 5)
    assert [choice.text for choice in made.choices] == [reply.text for reply in expected]
    alone = client.completions.create(model="tiny", prompt=QUESTIONS[2], max_tokens=5, echo=True)
    assert alone.choices[0].text == QUESTIONS[2] + expected[2].text


def test_what_cannot_be_answered_gets_an_error_and_spares_others(client: OpenAI) -> None:
    broken = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
    far = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}}]}]
    hello: Any = [{"role": "user", "content": "Why?"}]
    for change, said in (
        ({"messages": broken}, "no image in a known format"),
        ({"messages": far}, "image_url.url"),
        ({"messages": []}, "messages"),
        ({"n": 2}, "n: "),
        ({"max_tokens": -1}, "max_tokens"),
    ):
        with pytest.raises(BadRequestError, match=said):
            client.chat.completions.create(**{"model": "tiny", "messages": hello} | change)
    with pytest.raises(NotFoundError, match="ask for 'tiny'"):
        client.chat.completions.create(model="other", messages=hello)
    with pytest.raises(BadRequestError, match="but the model has 2048"):
        client.completions.create(model="tiny", prompt=[5] * 2048, max_tokens=1)
    with pytest.raises(BadRequestError, match="token ids end at"):
        client.completions.create(model="tiny", prompt=[10_000], max_tokens=1)
    # One bad placeholder among good requests: the chat template would have more places than images.
    odd: Any = [{"role": "user", "content": "<|image_pad|>"}]

    def ask(asked: Any) -> str:
        try:
            return str(client.chat.completions.create(model="tiny", messages=asked, max_tokens=2).usage)
        except BadRequestError as error:
            return str(error.body)

    with ThreadPoolExecutor(3) as threads:
        good, bad, also = threads.map(ask, [hello, odd, hello])
    assert "placeholders" in bad
    assert "prompt_tokens" in good
    assert good == also


def test_only_json_of_a_moderate_size_is_read(address: str) -> None:
    for url, data, kind, status in (
        ("/completions", b"{}", "text/plain", 415),
        ("/completions", b"{", "application/json", 400),
        ("/completions", b" " * 64_000_001, "application/json", 413),
        ("/nothing", b"{}", "application/json", 404),
    ):
        request = urllib.request.Request(address + url, data, {"Content-Type": kind})
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        assert error.value.code == status
        assert json.loads(error.value.read())["error"]["message"]


def test_a_port_that_is_in_use(model: LocalModel, address: str) -> None:
    port = int(address.rpartition(":")[2].partition("/")[0])
    with pytest.raises(UserError, match=f"127.0.0.1:{port}: in use; choose another with --port"):
        asyncio.run(serve(model, "tiny", "127.0.0.1", port, print))


def test_the_command_prints_its_address_and_ends_with_one_sentence(model: LocalModel) -> None:
    words = [sys.executable, "-m", "ain", "serve", model.named, "--port", "0", "--name", "mine", "--device", "cpu"]
    # A shell's background jobs ignore Ctrl-C, and what they start inherits that.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    served = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    try:
        assert served.stdout
        url = served.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/models") as answer:
            assert [one["id"] for one in json.loads(answer.read())["data"]] == ["mine"]
        served.send_signal(signal.SIGINT)
        _, said = served.communicate(timeout=120)
    finally:
        served.kill()
    assert said.splitlines()[-1] == "ain: interrupted"
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "--port 70000: expected a number between 0 and 65535"),
        (["--batch-size", "0"], "--batch-size 0: expected a whole number of at least 1"),
        (["--device", "tpu"], "--device tpu: choose one of auto, cpu"),
        (["--port", "0"], "no-such-folder: no such directory"),
    ],
)
def test_mistakes_get_one_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    result = ain("serve", "no-such-folder", *words, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("ain: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_offsets_of_tokens_that_share_a_character(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_text.checkpoint(tmp_path))
    ids = tokenizer("aب?")["input_ids"]
    assert offsets(ids, tokenizer.decode) == [0, 1, 1, 2]
