"""Translation through a chat model over HTTP: complete whatever the server does, paid once, within limits and budget."""

import os
import random
import re
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asking import RECORDS, Serve, check, die_at_put, good, log, manifest, words
from commands import Command, ain

from ain.storage.shards import Shards

SECRET = "sk-this-must-not-be-anywhere-0123456789"

A_THIRD = {
    **{"429": 0.03, "429-after": 0.03, "500": 0.05, "503": 0.02, "drop": 0.04, "torn": 0.03, "hang": 0.005},
    **{
        "broken": 0.02,
        "refusal": 0.01,
        "length": 0.01,
        "english": 0.06,
        "number": 0.01,
        "lost_item": 0.01,
        "half": 0.01,
    },
}


def test_faults_on_a_third_of_the_requests(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """Every record is translated once or rejected with its reason; a unit is asked again only if its answer was bad."""
    url = serve(faults=A_THIRD)
    good(ain(*words(vqa, tmp_path, url)))
    rejected = check(tmp_path)
    assert 0 < len(rejected) < RECORDS / 20
    kinds = {reason.split(":")[0] for reasons in rejected.values() for reason in reasons}
    said = "refused, broken JSON, cut off, untranslated, half translated, number changed, missing from the answer"
    assert kinds <= set(said.split(", "))
    (out,) = (tmp_path / "data").glob("02-*")
    english = [row for row in Shards(out).rows(part="rejected") if "translated" in row["reasons"][0]]
    for row in english:  # what was rejected can be read
        assert re.search(r"\b(what|is|the|how|it)\b", " ".join(row["turns"][0].values()), re.I), row
    assert english
    counts = manifest(tmp_path)
    assert counts["requests"] < counts["naive_requests"]
    assert counts["prompt_tokens"] < counts["naive_prompt_tokens"]
    before = log(url)["served"]
    for path in (tmp_path / "data").glob("02-*/manifest.json"):
        path.unlink()
    good(ain(*words(vqa, tmp_path, url)))  # all answers are known
    assert log(url)["served"] == before


def test_what_is_repeated_is_asked_once(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    url, patient = serve(), "translator.how.timeout_s=60"  # a busy machine may need more than the usual two seconds
    good(ain(*words(vqa, tmp_path, url, patient)))
    assert not check(tmp_path)
    assert log(url)["most"] == 1
    turns, texts = manifest(tmp_path)["requests"], tmp_path / "texts"
    good(ain(*words(vqa, texts, url, patient, "translator.granularity=text")))
    assert not check(texts)
    assert log(url)["most"] == 1
    assert manifest(texts)["requests"] <= turns < RECORDS
    assert manifest(texts)["completion_tokens"] < manifest(tmp_path)["completion_tokens"]


@pytest.mark.parametrize("batch", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_killed_at_a_random_moment(vqa: Path, tmp_path: Path, serve: Serve, batch: bool) -> None:
    """A committed answer is never requested again; only requests in flight are."""
    url = serve(latency=0.0 if batch else 0.1)
    command = words(vqa, tmp_path, url, "translator.how.concurrency=16", f"translator.how.batch_api={batch}".lower())
    draw = random.Random(os.environ.get("AIN_KILL_SEED", "1"))
    kills = 0
    for _ in range(int(os.environ.get("AIN_KILLS", "1"))):
        kills += Command(*command).kill_after(draw.uniform(0, 3.0))
    assert kills or batch or "AIN_KILL_SEED" in os.environ  # the default moment lies within the work
    good(ain(*command))
    assert not check(tmp_path)
    asked = log(url)
    assert asked["answers"] - asked["units"] <= 16 * kills
    if batch:
        assert asked["answers"] == asked["units"]


def test_killed_before_and_after_answers_are_committed(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """Killed right before a commit, the answer is lost and requested again; right after, it is not."""
    url = serve(latency=0.02)
    command = words(vqa, tmp_path, url, "translator.how.concurrency=8", "source.limit=200")
    points = [("before", 1), ("after", 1), ("before", 20), ("after", 40)]
    for how, nth in points:
        run = ain(*command, change=partial(die_at_put, how, nth))
        assert run.returncode == -signal.SIGKILL, run.stderr[-2_000:]
    good(ain(*command))
    asked = log(url)
    assert manifest(tmp_path)["kept"] == 200
    assert asked["answers"] - asked["units"] <= 8 * len(points)
    assert manifest(tmp_path)["requests"] == asked["units"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("batch", [False, True])
def test_killed_at_ten_random_moments(
    vqa: Path, tmp_path: Path, serve: Serve, batch: bool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIN_KILL_SEED", f"{seed}")
    test_killed_at_a_random_moment(vqa, tmp_path, serve, batch)


def test_other_hosts_are_not_free_and_get_no_key(vqa: Path, tmp_path: Path) -> None:
    result = ain(*words(vqa, tmp_path, "https://example.org/v1"), env={"OPENAI_API_KEY": SECRET})
    assert result.returncode != 0
    assert "give translator.how.price=[INPUT,OUTPUT]" in result.stderr
    result = ain(*words(vqa, tmp_path, "https://example.org/v1", "translator.how.price=[a,b]"))
    assert "translator.how.price=[a, b]: expected a number" in result.stderr
    assert "Traceback" not in result.stderr


def test_requests_without_an_answer_leave_the_stage_unfinished(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """With skip_unanswered they are rejected with the reason instead."""
    url = serve(faults={"500": 0.5})
    command = words(vqa, tmp_path, url, "translator.how.max_attempts=1", "source.limit=60")
    result = ain(*command)
    assert result.returncode != 0
    assert "turns got no answer (the last: HTTP 500: injected 500)" in result.stderr
    good(ain(*command, "translator.how.skip_unanswered=true"))
    counts = manifest(tmp_path)
    assert counts["kept"] + counts["rejected"] == 60
    assert counts["kept"] > 30


def test_money_is_asked_for_first(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    url = serve()
    priced = words(vqa, tmp_path, url, "translator.how.price=[10,30]")
    result = ain(*priced)
    assert result.returncode != 0
    assert log(url)["served"] == 0
    sentence = result.stderr.strip().splitlines()[-1]
    assert "this costs money" in sentence
    cap = float(sentence.rsplit("max_cost_usd=", 1)[1])
    good(ain(*priced, f"translator.how.max_cost_usd={cap}"))
    counts = manifest(tmp_path)
    assert counts["usd"] <= cap
    assert counts["estimated_usd"] == pytest.approx(counts["usd"], rel=0.4)
    assert not check(tmp_path)


def test_lost_attempts_count_once_and_stop_nothing_while_others_are_in_flight(
    vqa: Path, tmp_path: Path, serve: Serve
) -> None:
    """The requests in flight are promised nearly the whole cap at once; a tenth of them is lost."""
    url = serve(latency=0.1, faults={"drop": 0.1})
    result = ain(
        *words(vqa, tmp_path, url, "translator.how.price=[10,30]", "source.limit=200", "translator.how.max_cost_usd=3")
    )
    assert result.returncode == 0, result.stderr[-3_000:]
    assert manifest(tmp_path)["kept"] == 200
    assert manifest(tmp_path)["usd"] < 5


def test_the_cap_is_never_passed(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """The cap holds for one run, and for many that are restarted with the same cap."""
    url = serve(latency=0.01, faults={"429": 0.1, "503": 0.1})
    priced = words(vqa, tmp_path, url, "translator.how.price=[10,30]", "source.limit=200")
    for _ in range(3):
        result = ain(*priced, "translator.how.max_cost_usd=0.2")
        assert result.returncode != 0
        assert "stopped at $" in result.stderr
        assert "Traceback" not in result.stderr
    served = log(url)["served"]
    assert served > 5
    assert served * (300 * 10 + 20 * 30) / 1e6 < 0.2  # the minimum cost of each
    good(ain(*priced, "translator.how.max_cost_usd=50", "translator.how.concurrency=2"))
    assert manifest(tmp_path)["kept"] == 200
    assert log(url)["most"] == 1


@pytest.mark.parametrize(
    ("settings", "more", "said"),
    [
        ({"key": "another"}, ("translator.how.api_key_env=OPENAI_API_KEY",), "refuses the key in OPENAI_API_KEY"),
        ({"key": SECRET}, (), "wants a key: export one, and name its variable in translator.how.api_key_env"),
        ({}, ("translator.model=none",), "has no model none"),
        ({"faults": {"500": 1.0}}, ("translator.how.max_outage_s=1",), "every request to 127.0.0.1"),
        ({"faults": {"400": 1.0}}, (), "answers no request: HTTP 400: injected 400"),
    ],
    ids=["401", "no-key-to-others", "404", "500", "400"],
)
def test_when_every_request_fails(
    vqa: Path, tmp_path: Path, serve: Serve, settings: dict[str, Any], more: tuple[str, ...], said: str
) -> None:
    """The command soon exits with one sentence and a non-zero status. The key is in no file and in no output."""
    result = ain(*words(vqa, tmp_path, serve(**settings), *more), env={"OPENAI_API_KEY": SECRET})
    assert result.returncode != 0
    assert said in result.stderr, result.stderr[-2_000:]
    assert "Traceback" not in result.stderr
    assert SECRET not in result.stderr + result.stdout
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9/v1", "nothing listens at 127.0.0.1:9 (connection refused): start the server"),
        ("http://no-such-host.internal/v1", "the name no-such-host.internal is unknown here: check translator.how."),
    ],
)
@pytest.mark.parametrize("batch", ["true", "false"])
def test_no_server_gets_a_sentence_at_once(vqa: Path, tmp_path: Path, url: str, said: str, batch: str) -> None:
    """A request is not repeated: that would take longer than the default `max_outage_s` of two minutes."""
    result = ain(*words(vqa, tmp_path, url, f"translator.how.batch_api={batch}"))
    assert result.returncode != 0
    assert said in result.stderr, result.stderr[-2_000:]
    assert "Traceback" not in result.stderr


def test_no_key_and_what_cannot_be_one_get_a_sentence(vqa: Path, tmp_path: Path) -> None:
    chosen = ("translator=gpt_6_luna", "translator.how.max_cost_usd=5", f"output_dir={tmp_path}/paid")
    for key, said in (("", "OPENAI_API_KEY is not set: export OPENAI_API_KEY=..."), ("sk-مفتاح", "cannot be a key")):
        result = ain("translate", "source=folder", f"source.path={vqa}", *chosen, env={"OPENAI_API_KEY": key})
        assert result.returncode != 0
        assert said in result.stderr
        assert "مفتاح" not in result.stderr
        assert "Traceback" not in result.stderr


def test_a_dry_run_says_what_it_would_cost(vqa: Path, tmp_path: Path) -> None:
    chosen = ("translator=gpt_6_luna", f"output_dir={tmp_path}/paid")
    result = ain("translate", "source=folder", f"source.path={vqa}", *chosen, "dry_run=true")
    good(result)
    assert f"{RECORDS:,} records need" in result.stderr
    assert "ain: translate: live: about $" in result.stderr
    assert "ain: translate: batch: about $" in result.stderr
    assert re.search(r"ain: translate: prices of \d{4}-\d\d-\d\d: \$0.1 in, \$0.5 out", result.stderr)
    assert not list(tmp_path.iterdir())


def test_models_that_reason_are_asked_as_they_accept_it(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """One sentence names the key for each unsupported parameter; questions asked before cost nothing."""
    url = serve()
    command = words(vqa, tmp_path, url, "translator.model=reasoning", "source.limit=20")
    added: list[str] = []
    for parameter, setting in (
        ("max_tokens", "translator.how.token_limit=max_completion_tokens"),
        ("temperature", "translator.temperature=null"),
    ):
        result = ain(*command, *added)
        assert result.returncode != 0
        assert f"reasoning does not accept {parameter}" in result.stderr
        assert f"set {setting}" in result.stderr
        assert "Traceback" not in result.stderr
        added.append(setting)
    good(ain(*command, *added, "translator.reasoning_effort=low"))
    assert manifest(tmp_path)["kept"] == 20
