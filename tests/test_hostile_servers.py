"""Servers that answer wrongly, endlessly or with malice: a run completes with rejections or stops with one sentence, in
bounded memory, and neither the key nor control characters come out of it."""

import atexit
import json
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asking import words
from commands import ain
from hostile_answers import FATAL, REFUSED, SECRET, SHAPES, TAKEN, TRANSPORT
from hostile_server import WRONG, Server, hostile
from test_servers import holding

from ain import UserError
from ain.chat import Reply, Request, failures
from ain.chat.cost import Budget, Price
from ain.chat.openai_api import OpenAIModel
from ain.runtime.printable import printable
from ain.storage.shards import Shards

ROWS = (
    *(
        "rownull",
        "rowlist",
        "rowid",
        "rowids",
        "rowunknown",
        "rowshort",
        "rowresponse",
        "rowstatus",
        "rowbody",
        "rowlong",
    ),
    *("rowerror", "rowerrors", "rowcode", "rowfailed", "rowescapes", "rowrefused"),
)
STEPS = ("listfiles", "upload", "listbatches", "create", "retrieve", "download")
BROKEN = ("endlessstream", "gzipbomb", "closedinbody", "slow", "endlessheaders", "nobody", "serverhtml", "chunkgarbage")


@pytest.fixture(scope="module")
def at() -> Iterator[tuple[str, Server]]:
    with hostile() as running:
        yield running


def folder(path: Path, names: list[str]) -> Path:
    path.mkdir()
    rows = []
    for name in names:
        spoken = [{"from": "human", "value": f"What is case {name} about?"}, {"from": "gpt", "value": "a dog"}]
        rows.append({"id": name, "conversations": spoken})
    (path / "data.json").write_text(json.dumps(rows))
    return path


def note_memory(file: Path) -> None:
    """Write the most memory that the process has used, in bytes, when it ends."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def write() -> None:
        file.write_text(json.dumps([before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))

    atexit.register(write)


def translated(tmp_path: Path, url: str, names: list[str], *more: str) -> tuple[set[str], dict[str, list[str]]]:
    """Return the ids that were kept, and the reasons of the others. Check what must never come out."""
    how = "translator.how."
    patient = (f"{how}timeout_s=6", f"{how}max_attempts=2", f"{how}skip_unanswered=true", f"{how}max_outage_s=600")
    command = words(folder(tmp_path / "in", names), tmp_path / "out", url, *patient, *more)
    keyed = [*command, f"{how}api_key_env=HOSTILE_KEY"]
    result = ain(*keyed, env={"HOSTILE_KEY": SECRET}, change=partial(note_memory, tmp_path / "memory"))
    assert result.returncode == 0, result.stderr[-3_000:]
    assert "Traceback" not in result.stderr
    said = result.stderr.replace("\x1b[A", "")  # by which tqdm draws one bar below another
    assert printable(said) == said
    assert SECRET not in result.stderr
    assert not holding(tmp_path, SECRET)
    (out,) = (tmp_path / "out" / "data").glob("02-*")
    kept = {row["id"]: row["turns"] for row in Shards(out).rows(["id", "turns"])}
    rejected = {row["id"]: row["reasons"] for row in Shards(out).rows(["id", "reasons"], "rejected")}
    assert kept.keys() | rejected.keys() == set(names)
    said = json.dumps([kept, rejected], ensure_ascii=False)
    assert printable(said) == said
    return set(kept), rejected


@pytest.mark.slow
def test_a_live_run_completes_whatever_is_answered(at: tuple[str, Server], tmp_path: Path) -> None:
    names = [*SHAPES, *TRANSPORT]
    assert len(names) >= 60
    kept, rejected = translated(tmp_path, f"{at[0]}/content/v1", names)
    assert kept == set(TAKEN)
    assert all(rejected[name] for name in (*REFUSED, *TRANSPORT))
    assert rejected["addedimages"][0].startswith("added: <image>")
    assert "longer than" in rejected["endlessstream"][0]
    assert "compressed" in rejected["gzipbomb"][0]


def test_a_batch_completes_whatever_its_rows_are(at: tuple[str, Server], tmp_path: Path) -> None:
    kept, rejected = translated(
        tmp_path,
        f"{at[0]}/content/v1",
        [*SHAPES, *ROWS],
        "translator.how.batch_api=true",
        "translator.how.poll_s=0.01",
        "translator.how.timeout_s=60",
    )
    assert kept == set(TAKEN)
    assert rejected.keys() == {*REFUSED, *ROWS}


def test_memory_is_bounded_with_256_open_requests(at: tuple[str, Server], tmp_path: Path) -> None:
    """Each reply has no end, or grows a thousandfold when it is decompressed."""
    kinds = ("twogigabytes", "endlessstream", "endlesschunks", "endlesserror", "gzipbombs", "endlessheader")
    names = [f"{kinds[i % len(kinds)]} number {i}" for i in range(256)]
    command = words(folder(tmp_path / "in", names), tmp_path / "out", f"{at[0]}/content/v1")
    slow = ("translator.how.timeout_s=20", "translator.how.max_attempts=1", "translator.how.skip_unanswered=true")
    result = ain(*command, *slow, "translator.how.max_outage_s=600", change=partial(note_memory, tmp_path / "memory"))
    assert "Traceback" not in result.stderr
    before, most = json.loads((tmp_path / "memory").read_text())
    assert most < 1_000_000, (before, most)  # KiB


def asked(url: str, directory: Path, **settings: Any) -> str:
    """Ask two questions and return what the user is told, or nothing if they were answered."""
    quick = {"timeout_s": 2.0, "max_attempts": 2, "poll_s": 0.01, "api_key_env": "HOSTILE_KEY"} | settings
    model = OpenAIModel("test", base_url=url, where="translator", **quick)
    messages = [{"role": "user", "content": json.dumps([{"id": 1, "text": "a dog"}])}]
    replies: list[Reply] = []
    try:
        model.generate([Request(key, messages, 50) for key in "ab"], lambda _, reply: replies.append(reply), directory)
    except UserError as error:
        return str(error)
    return "; ".join(reply.text for reply in replies if reply.finish in ("failed", "unanswered"))


def sound(said: str) -> bool:
    return printable(said) == said and "\n" not in said and SECRET not in said


def test_what_every_request_would_get_stops_with_a_sentence(
    at: tuple[str, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect is not followed, because the key would go with it, and the sentence names base_url."""
    monkeypatch.setenv("HOSTILE_KEY", SECRET)
    for batch in (False, True):
        for name, (_, words_) in FATAL.items():
            said = asked(f"{at[0]}/all-{name}/v1", tmp_path / f"{name}-{batch}", batch_api=batch)
            wanted = "refuses the key in HOSTILE_KEY" if name == "unauthorized" else words_
            assert wanted in said, (name, said)
            assert sound(said), said


@pytest.mark.slow
def test_each_step_of_a_batch_may_be_hostile(
    at: tuple[str, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes, the run ends with one sentence, or finds that the step can do without."""
    monkeypatch.setenv("HOSTILE_KEY", SECRET)
    cases = [f"{step}-{name}" for step in STEPS for name in (*WRONG, *BROKEN)]

    def one(mode: str) -> tuple[str, str]:
        return mode, asked(f"{at[0]}/{mode}/v1", tmp_path / mode, batch_api=True)

    with ThreadPoolExecutor(24) as pool:
        for mode, said in pool.map(one, cases):
            assert sound(said), (mode, said)
            step, name = mode.split("-")
            if name in BROKEN and step not in ("upload", "create"):  # what arrived there is found when asked again
                assert said, mode
    assert not holding(tmp_path, SECRET)


def test_no_secure_connection_gets_a_sentence(at: tuple[str, Server], tmp_path: Path) -> None:
    for batch in (False, True):
        said = asked(at[0].replace("http:", "https:") + "/content/v1", tmp_path, batch_api=batch, api_key_env=None)
        assert said.startswith("no secure connection to 127.0.0.1:")
        assert "check that translator.how.base_url says http or https" in said


def test_a_long_wait_is_said_and_capped(
    at: tuple[str, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOSTILE_KEY", SECRET)
    monkeypatch.setattr(failures, "LONGEST", 0.3)
    monkeypatch.setattr(failures, "SAID", 0.1)
    assert asked(f"{at[0]}/busy/v1", tmp_path) == ""
    assert capsys.readouterr().err.count("asks to wait") == 1


def test_usage_cannot_lower_what_is_spent(at: tuple[str, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = OpenAIModel("test", base_url=at[0]).endpoint
    request = Request("a", [{"role": "user", "content": "What is the dog doing in the park?"}], 50)

    def reply(usage: Any) -> Reply:
        made = {"choices": [{"message": {"content": "It runs."}}], "usage": usage}
        return endpoint.reply(json.dumps(made).encode(), request)

    budget = Budget(Price(10, 30, 1, "today"), 1.0)
    missing = reply(None)
    assert missing.prompt_tokens > 5
    assert missing.completion_tokens > 1
    cached = reply({"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 10**8}})
    budget.settle("a", cached.prompt_tokens, cached.completion_tokens, cached.cached_tokens)
    assert budget.spent > 0
    with pytest.raises(ValueError, match="prompt_tokens"):
        reply({"prompt_tokens": -1})


def test_short_keys_are_words_that_answers_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_KEY", "EMPTY")
    endpoint = OpenAIModel("test", base_url="http://localhost/v1", api_key_env="LOCAL_KEY").endpoint
    body = {"choices": [{"message": {"content": "The box is EMPTY."}}]}
    assert endpoint.reply(body, Request("a", [], 50)).text == "The box is EMPTY."
    assert endpoint.clean("wrong key: EMPTY\x1b[31m\n") == "wrong key: ***"
