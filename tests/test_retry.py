"""`ain retry translate`: only rejected translations are asked for again, each once, also if it is killed."""

import re
import signal
from functools import partial
from pathlib import Path
from typing import Any

from asking import Serve, die_at_put, good, log, words
from commands import Result, ain
from openai_answers import arabic

from ain.chat import Request
from ain.chat.openai_api import OpenAIModel
from ain.storage.manifest import read_manifest
from ain.storage.shards import Shards

ONE_BY_ONE = "translator.how.concurrency=1"


def settings(vqa: Path, outputs: Path, url: str, *more: str) -> list[str]:
    """Return the settings of a job whose faulty answers are rejected at once."""
    return words(vqa, outputs, url, "source.limit=60", "translator.retry_on=[]", *more)[1:]


def directory(result: Result) -> Path:
    good(result)
    return Path(result.stdout.splitlines()[-1])


def file_of(result: Result) -> str:
    found = re.search(r"ain run .* (retry=\S+)", result.stderr)
    assert found, result.stderr
    return found[1]


def rejected(made: Path) -> set[str]:
    return {row["id"] for row in Shards(made).rows(["id"], "rejected")}


def new_answers(url: str, before: dict[str, Any]) -> dict[str, int]:
    """Return unit → how many answers to it were sent since."""
    asked = {unit: count - before["asked"].get(unit, 0) for unit, count in log(url)["asked"].items()}
    return {unit: count for unit, count in asked.items() if count}


def units(made: Path, names: set[str]) -> set[tuple[str, str]]:
    collect = made.parent / read_manifest(made)["follows"]["collect"]
    rows = [row for row in Shards(collect).rows(["id", "turns"]) if row["id"] in names]
    return {(turn["question"].split(", see")[0], turn["answer"]) for row in rows for turn in row["turns"]}


def test_only_what_was_rejected_is_asked_again(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """All others keep their answers; a repeated command asks for nothing; a retry of a retry asks for what is left."""
    url = serve(faults={"english": 0.4})
    job = settings(vqa, tmp_path, url)
    first, before = directory(ain("translate", *job)), log(url)
    result = ain("retry", "translate", *job)
    made, wrong = directory(result), rejected(first)
    assert 10 < len(wrong) < 50
    assert f"retry: {len(wrong)} of {len(wrong)} rejected translations are asked for again" in result.stderr
    asked = new_answers(url, before)
    assert set(asked.values()) == {1}
    assert len(asked) == len(units(first, wrong))
    assert all(any(unit[0] in one for unit in units(first, wrong)) for one in asked)
    assert len(rejected(made)) < len(wrong)
    same = {row["id"]: row["turns"] for row in Shards(first).rows()}
    assert {row["id"]: row["turns"] for row in Shards(made).rows() if row["id"] in same} == same
    assert read_manifest(made)["counts"]["asked_again"] == len(wrong)

    after = log(url)
    repeated = ain("retry", "translate", *job)
    assert directory(repeated) == made
    assert file_of(repeated) == file_of(result)
    again = ain("retry", "translate", *job, file_of(result))
    left = directory(again)
    assert len(new_answers(url, after)) == len(units(made, rejected(made)))
    attempts = Path(file_of(again).removeprefix("retry=")).read_text()
    assert attempts.count('"attempt": 2') == len(rejected(made))
    assert attempts.count('"attempt": 1') == len(wrong) - len(rejected(made))
    assert rejected(left) < rejected(made)
    asked_so_far = log(url)["served"]
    assert directory(ain("translate", *job, file_of(again))) == left
    assert log(url)["served"] == asked_so_far


def test_killed_in_the_middle_it_asks_for_nothing_twice(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    url = serve(faults={"english": 0.4})
    job = settings(vqa, tmp_path, url, ONE_BY_ONE)
    first, before = directory(ain("translate", *job)), log(url)
    for nth in (1, 3):
        killed = ain("retry", "translate", *job, change=partial(die_at_put, "after", nth))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    made = directory(ain("retry", "translate", *job))
    asked = new_answers(url, before)
    assert set(asked.values()) == {1}
    assert len(asked) == len(units(first, rejected(first)))
    assert made != first


def test_what_select_rejected_is_asked_again(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """reason= chooses among the rules; the new translations are judged when the run goes on."""
    url = serve(faults={"twice_as_long": 0.2, "english": 0.1})
    job = settings(
        vqa,
        tmp_path,
        url,
        "verifier.checkpoint='miniature:encoder?steps=3&domains=vqa.ocr.cultural'",
        "allow_toys=true",
        "back_translation=none",
        "screener=none",
        "thresholds=none",
        "thresholds.unsafe=null",
        "thresholds.length=[0.5,1.5]",
    )
    select, before = directory(ain("select", *job)), log(url)
    reasons = {row["id"]: row["reasons"] for row in Shards(select).rows(part="rejected")}
    long = {name for name, of in reasons.items() if of[0].startswith("length: ")}
    assert 0 < len(long) < len(reasons)
    result = ain("retry", "translate", *job, "reason=length")
    good(result)
    said = f"retry: {len(long)} of {len(reasons)} rejected translations are asked for again: length {len(long)}\n"
    assert said in result.stderr
    assert len(new_answers(url, before)) == len(units(directory(result), long))
    after = directory(ain("select", *job, file_of(result)))
    assert len(rejected(after) & long) < len(long)
    assert rejected(after) - long == set(reasons) - long
    mistyped = ain("retry", "translate", *job, "reason=lenght")
    assert mistyped.returncode != 0
    assert "ain: reason=lenght: no rejected translation has such a reason; there are " in mistyped.stderr
    assert f"length {len(long)}" in mistyped.stderr


def test_a_dry_run_says_what_it_costs_and_writes_nothing(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """A cap applies as always: without one, nothing is sent."""
    url = serve(faults={"english": 0.4})
    job = settings(vqa, tmp_path, url, "translator.how.price=[10,30]")
    first, before = directory(ain("translate", *job, "translator.how.max_cost_usd=1")), log(url)
    planned = ain("retry", "translate", *job, "dry_run=true")
    good(planned)
    count = int(re.findall(r"60 records need (\d+) requests", planned.stderr)[0])
    assert 0 < count <= len(rejected(first))
    assert "live: about $" in planned.stderr
    assert not (tmp_path / "retries").exists()
    refused = ain("retry", "translate", *job)
    assert refused.returncode != 0
    assert f"this costs money: {count} requests for 60 records" in refused.stderr
    assert log(url)["served"] == before["served"]
    made = directory(ain("retry", "translate", *job, "translator.how.max_cost_usd=1"))
    assert read_manifest(made)["counts"]["requests"] == count


def test_what_cannot_be_retried_gets_one_sentence(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    job = settings(vqa, tmp_path, serve())
    file = tmp_path / "retry.jsonl"
    file.write_text('{"id": "nobody", "attempt": 1}\n')
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"id": "1", "attempt": 0}\n')
    for command, said in (
        (["retry", "translate", *job], "translate of this job is not finished"),
        (["retry", "translate", f"output_dir={tmp_path}"], "always gives the same answer to the same text"),
        (["translate", "source.scenes=1", f"retry={file}", f"output_dir={tmp_path}"], "always gives the same answer"),
        (["translate", *job, f"retry={file}"], f"{file}, row 1: collect kept no record with the id nobody"),
        (["translate", *job, f"retry={wrong}"], f'{wrong}, row 1: expected {{"id": "...", "attempt": 1}}'),
        (["translate", *job, "retry=gone.jsonl"], "retry=gone.jsonl: no such file"),
        (["translate", *job, "retry=3"], "retry=3: expected text"),
        (["retry", "verify", *job], "invalid choice: 'verify'"),
        (["retry", "translate", *job, "nope.nope=1"], "no such key: nope.nope"),
    ):
        result = ain(*command)
        assert result.returncode != 0
        assert said in result.stderr, result.stderr
        assert "Traceback" not in result.stderr
    first = directory(ain("translate", *job))
    nothing = ain("retry", "translate", *job)
    assert directory(nothing) == first
    assert "nothing to retry" in nothing.stderr
    assert {arabic("red")} & {turn["answer"] for row in Shards(first).rows(["turns"]) for turn in row["turns"]}


def test_another_answer_is_drawn_at_another_temperature() -> None:
    """A model that takes no temperature gets none, and a higher one of the config stays."""
    request = Request("key", [], 10, temperature=0.7)
    sent = [OpenAIModel("any", temperature=given).endpoint.body(request) for given in (0.0, 1.0, None)]
    assert [body.get("temperature") for body in sent] == [0.7, 1.0, None]
    assert OpenAIModel("any").endpoint.body(Request("key", [], 10))["temperature"] == 0
