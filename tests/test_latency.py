"""Latency is that of requests sent one by one, throughput that of the translations; what was not timed is said."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import Serve, good, log
from commands import Result, ain

from ain.storage.manifest import read_manifest

RECORDS = 12
ENCODER = (
    "verifier.checkpoint='miniature:encoder?steps=3&domains=vqa.ocr.cultural'",
    "allow_toys=true",
    "tracker=disabled",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    where, rows = tmp_path / "mine", []
    where.mkdir()
    for i in range(RECORDS):
        turns = [
            {"from": "human", "value": f"How many cats are in picture {i}?"},
            {"from": "gpt", "value": f"{i} cats"},
        ]
        arabic = [{"from": "human", "value": f"كم قطة في الصورة {i}؟"}, {"from": "gpt", "value": f"عدد القطط {i}"}]
        rows.append({"id": str(i), "conversations": turns, "references": {"ar": arabic}})
    (where / "data.json").write_text(json.dumps(rows))
    return where


def rate(folder: Path, outputs: Path, url: str, *more: str, change: Callable[[], None] | None = None) -> Result:
    served = ("translator=openai_compatible", "translator.model=test", f"translator.how.base_url={url}")
    return ain(
        "rate",
        "source=folder",
        f"source.path={folder}",
        *served,
        *ENCODER,
        f"output_dir={outputs}",
        *more,
        change=change,
    )


def counts(result: Result) -> dict[str, Any]:
    good(result)
    return read_manifest(Path(result.stdout.strip()))["counts"]  # type: ignore[no-any-return]


def test_a_server_is_timed_one_request_at_a_time(folder: Path, trained: Path, serve: Serve, tmp_path: Path) -> None:
    url = serve(latency=0.2)
    planned = rate(folder, trained, url, "rating.timed=3", "dry_run=true")
    assert "rate: 4 requests, one at a time, measure the latency: about" in planned.stderr, planned.stderr
    found = counts(rate(folder, trained, url, "rating.timed=3"))
    assert 0.2 <= found["latency_s"] < 0.4
    assert found["latency_total_s"] == pytest.approx(3 * found["latency_s"], abs=0.01)
    assert found["latency_samples"] == 3
    assert found["throughput_per_s"] > 1 / found["latency_s"]  # many requests were in flight
    assert found["unknown"] == {}
    assert log(url)["served"] == RECORDS + 1 + 3  # the first one twice, to warm up
    assert Counter(log(url)["asked"].values()) == {1: RECORDS - 3, 2: 2, 3: 1}
    (tmp_path / "a.csv").write_text("item,rating\nnone,1\n")
    again = counts(rate(folder, trained, url, "rating.timed=3", f"rating.files=[{tmp_path / 'a.csv'}]"))
    assert again["latency_s"] == found["latency_s"]  # it was paid for once
    assert log(url)["served"] == RECORDS + 4
    assert counts(rate(folder, trained, url, "rating.timed=0"))["unknown"] == {"latency_s": "rating.timed=0"}


@pytest.mark.slow
def test_answers_of_the_ledger_are_no_throughput_and_no_latency(folder: Path, trained: Path, serve: Serve) -> None:
    url = serve()
    good(rate(folder, trained, url, "rating.timed=0"))
    paid = ("translator.how.price=[1,1]", "translator.retry_on=[json]")  # another directory, the same answers
    result = rate(folder, trained, url, *paid)
    found = counts(result)
    assert (found["latency_s"], found["throughput_per_s"]) == (None, None)
    assert "its answers come from the ledger; 13 requests" in found["unknown"]["latency_s"]
    assert "set translator.how.max_cost_usd" in found["unknown"]["latency_s"]
    assert found["unknown"]["throughput_per_s"].startswith("translate found its answers made already")
    assert "warning: rate has no latency_s: its answers come from the ledger" in result.stderr
    assert log(url)["served"] == RECORDS
    timed = counts(rate(folder, trained, url, *paid, "translator.how.max_cost_usd=1", "rating.timed=5"))
    assert (timed["latency_samples"], log(url)["served"]) == (5, RECORDS + 6)


def test_a_file_of_answers_and_a_local_model(folder: Path, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text("")
    words = ("rate", "source=folder", f"source.path={folder}", *ENCODER, f"output_dir={trained}", "rating.timed=2")
    file = (
        "translator=answers",
        f"translator.path={tmp_path / 'answers.jsonl'}",
        "translator.how.skip_unanswered=true",
    )
    assert counts(ain(*words, *file))["unknown"]["latency_s"] == "its answers come from a file"
    local = counts(ain(*words, "translator.checkpoint='miniature:translator?steps=80&domains=vqa.ocr.cultural'"))
    assert local["latency_samples"] == 2
    assert min(local["latency_s"], local["throughput_per_s"]) > 0
