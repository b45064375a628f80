"""Providers other than OpenAI: their paths, keys, prices and errors, and whose answers are whose."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from asking import Serve, good, log, manifest, words
from commands import ain
from test_config import config

from ain import Unavailable, UserError
from ain.chat import Reply, Request, cost
from ain.chat.asking import Asking
from ain.chat.estimate import Estimate
from ain.chat.openai_api import OpenAIModel
from ain.pipeline.graph import Graph
from ain.pipeline.job import fingerprint
from ain.pipeline.runner import Runner
from ain.pipeline.stages import STAGES

SECRET = "azure-0123456789-must-not-be-anywhere"
FEW = "source.limit=20"
CHAT = ("translator=openai_compatible", "translator.model=any")


def holding(folder: Path, secret: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_azure_takes_a_header_and_the_price_of_another_name(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """The secret comes from the environment and is in no file and no output, also when it is refused."""
    base = serve(provider="azure", key=SECRET)
    header = "translator.how.headers={api-key: AZURE_KEY}"
    priced = ("translator.how.priced_as=gpt-4o-mini", "translator.how.max_cost_usd=1")
    url = base.replace("/v1", "/openai/v1/")
    command = words(vqa, tmp_path, url, "translator.model=my-deployment", FEW, header, *priced)
    unset = ain(*command, env={"AZURE_KEY": ""})
    assert "AZURE_KEY is not set: export AZURE_KEY=..., or change translator.how.headers" in unset.stderr
    wrong = ain(*command, env={"AZURE_KEY": "wrong-" + SECRET[::-1]})
    assert "refuses the key in AZURE_KEY: export the right one" in wrong.stderr
    assert log(base)["tries"] == 1
    right = ain(*command, env={"AZURE_KEY": SECRET})
    good(right)
    counts = manifest(tmp_path)
    assert counts["server"] == url.removeprefix("http://").rstrip("/")
    assert counts["usd"] == pytest.approx(
        (counts["prompt_tokens"] * 0.15 + counts["completion_tokens"] * 0.6) / 1e6, abs=2e-6
    )
    said = unset.stderr + wrong.stderr + right.stderr + right.stdout
    assert SECRET not in said
    assert SECRET[::-1] not in said
    assert not holding(tmp_path, SECRET)


def test_a_secret_in_place_of_a_variable_is_not_repeated() -> None:
    model = OpenAIModel("any", base_url="https://x.example/v1", headers={"api-key": "0a1b2c"}, where="translator")
    with pytest.raises(UserError, match=r"how\.headers: give api-key the name of an environment variable") as said:
        model.endpoint.credentials()
    assert "0a1b2c" not in str(said.value)


def test_gemini_says_what_it_does_not_take(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    base = serve(provider="gemini", key=SECRET)
    how = ("translator.how.api_key_env=GEMINI_API_KEY", "translator.reasoning_effort=none")
    command = words(vqa, tmp_path, base.replace("/v1", "/v1beta/openai"), FEW, *how)
    wrong = ain(*command, env={"GEMINI_API_KEY": "another"})
    assert "refuses the key in GEMINI_API_KEY" in wrong.stderr
    refused = ain(*command, env={"GEMINI_API_KEY": SECRET})
    assert "test does not accept reasoning_effort as sent" in refused.stderr
    assert "set translator.reasoning_effort=null" in refused.stderr
    assert "Traceback" not in wrong.stderr + refused.stderr
    assert log(base)["tries"] == 2
    good(ain(*command, "translator.reasoning_effort=null", env={"GEMINI_API_KEY": SECRET}))
    assert manifest(tmp_path)["kept"] == 20


def test_a_model_of_today_is_asked_as_its_config_says(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """The test server's reasoning models refuse max_tokens and temperature."""
    chosen = ("translator=gpt_6_luna", "translator.model=reasoning", FEW)
    command = words(vqa, tmp_path, serve())
    command = [word for word in command if not word.startswith(("translator=", "translator.model="))]
    good(ain(*command, *chosen))
    assert manifest(tmp_path)["kept"] == 20


def test_the_answers_of_two_servers_are_not_the_same(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """Each server is asked and has a directory of its own; servers with one name share both."""
    first, second = serve(), serve()
    good(ain(*words(vqa, tmp_path, first, FEW)))
    good(ain(*words(vqa, tmp_path, second, FEW)))
    assert log(first)["served"] == log(second)["served"] > 0
    assert len(list((tmp_path / "data").glob("02-*"))) == 2
    assert len(list((tmp_path / "runs").glob("*/job.json"))) == 2
    shared = tmp_path / "shared"
    good(ain(*words(vqa, shared, first, FEW, "translator.served_as=ours")))
    before = log(second)["served"]
    good(ain(*words(vqa, shared, second, FEW, "translator.served_as=ours")))
    assert log(second)["served"] == before
    assert manifest(shared)["server"] == "ours"


def name(*overrides: str, stage: str = "translate") -> str:
    return Graph(config(*overrides), [STAGES[stage]]).targets[0].directory.name


def test_the_server_is_in_the_fingerprint() -> None:
    here, there = ("translator.how.base_url=http://a/v1", "translator.how.base_url=http://b/v1")
    assert len({name(*CHAT), name(*CHAT, here), name(*CHAT, there)}) == 3
    assert name(*CHAT, here) == name(*CHAT, here + "/")
    assert name(*CHAT) == name(*CHAT, "translator.how.base_url=https://api.openai.com/v1")
    ours = "translator.served_as=ours"
    assert name(*CHAT, here, ours) == name(*CHAT, there, ours) != name(*CHAT, here)
    back = ("back_translation=openai_compatible", "back_translation.translator.model=any")
    asked = ["back_translation.translator." + key.removeprefix("translator.") for key in (here, there)]
    assert len({name(*back, key, stage="back_translate") for key in asked}) == 2
    assert fingerprint(config(*CHAT, here)) != fingerprint(config(*CHAT, there))


def test_answers_of_the_default_server_keep_their_keys() -> None:
    assert OpenAIModel("gpt-4o").identity == ["gpt-4o", 0.0, "json_schema"]
    assert OpenAIModel("gpt-4o", base_url="http://a:1/v1/").identity[-1] == {"server": "a:1/v1"}


@pytest.mark.parametrize("url", ["https://notopenai.com/v1", "http://10.0.0.1/v1"])
def test_a_key_of_openai_goes_to_openai_alone(url: str) -> None:
    assert OpenAIModel("any", base_url=url).endpoint.api_key_env is None
    assert OpenAIModel("any", base_url="https://eu.api.openai.com/v1").endpoint.api_key_env == "OPENAI_API_KEY"


def test_limits_are_for_servers_of_others() -> None:
    def limits(**more: Any) -> tuple[float | None, float | None]:
        made = OpenAIModel("any", **more).limits
        return made.requests_per_minute, made.tokens_per_minute

    assert limits() == (500, 200_000)
    assert limits(base_url="http://localhost:8000/v1") == (None, None)
    assert limits(base_url="http://localhost:8000/v1", requests_per_minute=60.0) == (60, None)


def test_a_cap_without_a_price_is_refused(vqa: Path, tmp_path: Path) -> None:
    result = ain(*words(vqa, tmp_path, "http://127.0.0.1:9/v1", "translator.how.max_cost_usd=5"))
    assert result.returncode != 0
    assert "translator.how.max_cost_usd=5 needs a price: give translator.how.price=[INPUT,OUTPUT]" in result.stderr


def test_tokens_from_a_cache_cost_less() -> None:
    price = cost.price("gpt-6-luna", False, "how.price")
    assert price.of(1e6, 1e6) == pytest.approx(0.60)
    assert price.of(1e6, 1e6, 1e6) == pytest.approx(0.51)
    assert cost.price("gpt-6-luna", True, "how.price").of(1e6, 1e6, 1e6) == pytest.approx(0.255)


def test_a_model_that_was_shut_down_stops_a_run_before_it_begins(tmp_path: Path) -> None:
    """It is unavailable, not failed: a sweep goes on. At another provider the same name may live on."""
    said = r"gpt-4-0613 was shut down on 2026-10-23: choose translator=gpt_6_luna, or set translator.model"
    with pytest.raises(Unavailable, match=said):
        Runner(Graph(config("translator=gpt_4", f"output_dir={tmp_path}"), [STAGES["rate"]])).check()
    assert not list(tmp_path.iterdir())
    assert OpenAIModel("gpt-4", base_url="https://x.openai.azure.com/openai/v1").gone is None


def test_a_coming_end_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = date.today() + timedelta(days=1)
    monkeypatch.setitem(cost._table()["shutdown"], "gpt-6-luna", ends)
    model = OpenAIModel("gpt-6-luna")
    assert model.gone is None
    assert f"gpt-6-luna will be shut down on {ends}" in Estimate(model).lines()


def test_stored_answers_of_a_model_outlive_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a question that the ledger cannot answer is refused; the others need no key."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    class Bar:
        def update(self, n: int = 1) -> None: ...

    def things(wanted: bool) -> Iterator[list[Request]]:
        yield [Request("a", [], 1, tag=[["a", "thing"]])] if wanted else []

    asking = Asking(OpenAIModel("gpt-4"), tmp_path / "data" / "x", "shape", lambda reply, things: [{} for _ in things])
    asking.round(things(False), Bar())
    with pytest.raises(Unavailable, match="gpt-4 was shut down"):
        asking.round(things(True), Bar())


def test_the_bar_counts_answers(tmp_path: Path, serve: Serve) -> None:
    """A thing counts when all its requests are answered; one that needs none counts at once."""
    seen: list[tuple[int, int]] = []
    answered: list[str] = []

    class Bar:
        n = 0

        def update(self, n: int = 1) -> None:
            self.n += n
            seen.append((self.n, len(answered)))

    def read(reply: Reply, things: list[Any]) -> list[dict[str, Any]]:
        answered.extend(things)
        return [{} for _ in things]

    def request(key: str) -> Request:
        items = json.dumps([{"id": 1, "text": key}])
        return Request(key, [{"role": "user", "content": items}], 50, tag=[[key, key]])

    model = OpenAIModel("test", base_url=serve())
    asking = Asking(model, tmp_path / "data" / "x", "shape", read)
    asking.round(iter([[], [request("a"), request("b")], [request("c")]]), Bar())
    assert seen[0] == (1, 0)
    assert max(seen)[0] == 3
    assert len(answered) == 3
