"""A judge is asked only for what rules do not find right, for nothing twice, and never guesses for the judge."""

import json
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asking import Serve, die_at_put, good, log
from commands import ain
from hypothesis import given
from hypothesis import strategies as st
from test_config import config
from test_grade import answered, benchmark

from ain import UserError
from ain.benchmark.miniature import MiniatureBenchmark
from ain.judge import Judge
from ain.judge.agreement import sample
from ain.judge.chat import read
from ain.judge.people import read_verdicts
from ain.judge.rules import Rules
from ain.metrics.agreement import cohens_kappa
from ain.pipeline.build import component
from ain.stages.grade import check, estimate, grade
from ain.storage.manifest import read_manifest
from ain.storage.shards import Shards
from ain.storage.tables import read_table

FREE = ("judge.how.requests_per_minute=null", "judge.how.tokens_per_minute=null", "judge.how.timeout_s=5")


def judge(url: str, *more: str) -> Judge:
    chosen = ["judge=openai_compatible", "judge.model=test", f"judge.how.base_url={url}"]
    return component(config(*chosen, *FREE, *more), "judge")  # type: ignore[no-any-return]


def open_answers(count: int) -> list[dict[str, Any]]:
    """Answers of which a third equal the label, a third have it in a sentence, and a third are wrong."""
    texts = ("cat {i}", "It is a cat {i}.", "a dog")
    question = "<image>\nWhat is this?\nAnswer briefly."
    return [
        {"labels": [f"cat {i}"], "question": question, "prediction": texts[i % 3].format(i=i)} for i in range(count)
    ]


def test_the_judge_is_asked_only_for_what_rules_do_not_find_right(tmp_path: Path, serve: Serve) -> None:
    url, rows = serve(), open_answers(30)
    rows += [
        {"labels": ["cat"], "prediction": "", "finish": "no answer: gone"},
        {"labels": ["cat"], "prediction": "no, cat", "finish": "refusal"},
        {"prediction": "without a label"},
    ]
    given = answered(tmp_path / "data" / "p", rows)
    counts = grade(given, benchmark(judged=True), tmp_path / "data" / "g", judge(url, "judge.check=0"))
    graded = list(Shards(tmp_path / "data" / "g").rows())
    assert [row["graded_by"] for row in graded] == ["rules", "judge", "judge"] * 10 + ["rules", "rules", None]
    assert [row["score"] for row in graded] == [1, 1, 0] * 10 + [0, 0, None]
    assert [row["rules"] for row in graded[:3]] == [1, 0, 0]
    assert (counts["judged"], counts["judged_percent"], counts["unjudged"], counts["labelled"]) == (20, 62.5, 0, 32)
    assert counts["requests"] == log(url)["served"] == 20
    assert counts["unparsed"] == 0
    seen = [json.loads(case) for case in log(url)["asked"]]
    assert {case["question"] for case in seen} == {"What is this?"}  # the first line, without the image
    assert {case["right_answers"][0] for case in seen} == {f"cat {i}" for i in range(30) if i % 3}
    grade(given, benchmark(judged=True), tmp_path / "data" / "again", judge(url, "judge.check=0"))
    grade(given, benchmark(), tmp_path / "data" / "rules", judge(url))
    assert log(url)["served"] == 20


def test_each_language_has_its_prompt(tmp_path: Path, serve: Serve) -> None:
    """Equal cases in two languages are two requests; a language without a prompt of its own shares the English one."""
    url, made = serve(), {"labels": ["قطة"], "prediction": "هذه قطة"}
    rows = [made | {"language": language} for language in ("ar", "en", "de")]
    counts = grade(answered(tmp_path / "d" / "p", rows), benchmark(judged=True), tmp_path / "d" / "g", judge(url))
    assert (counts["requests"], counts["judged"]) == (2, 3)


def test_a_reply_that_cannot_be_used_is_asked_again_and_then_scores_0_by_name(tmp_path: Path, serve: Serve) -> None:
    url, texts = serve(), ["a cat, unsure", "a mumbled cat", "a fine cat"]
    rows = [{"labels": ["cat"], "prediction": text} for text in texts]
    counts = grade(
        answered(tmp_path / "d" / "p", rows), benchmark(judged=True), tmp_path / "d" / "g", judge(url, "judge.check=0")
    )
    graded = list(Shards(tmp_path / "d" / "g").rows(["score", "judge", "graded_by", "fault"]))
    assert [row["score"] for row in graded] == [0, 1, 1]
    assert [row["judge"] for row in graded] == [None, 1, 1]
    assert [row["fault"] for row in graded] == ["no score of 0 or 1", None, None]
    assert {row["graded_by"] for row in graded} == {"judge"}
    assert (counts["judged"], counts["unjudged"], counts["requests"]) == (3, 1, 5)
    assert read_table(tmp_path / "d" / "g" / "tables" / "unjudged.csv") == [
        {"id": "0", "images": "shown", "why": "no score of 0 or 1"}
    ]
    assert counts["accuracy"]["shown"]["en"]["all"] == 66.7


@pytest.mark.parametrize(
    "reply",
    ["", "1", "correct", '{"score": 2}', '{"score": true}', '{"score": "1"}', '{"score": 1.0}', '{"score": null}', "{}"]
    + ['{"score": 1, "score": 0}', '{"score": 1', '{"a":' * 100_000, '[{"score": 1}, {"score": 0}]'],
)
def test_what_is_no_verdict_is_none(reply: str) -> None:
    assert isinstance(read(reply), str)


def test_a_verdict_amid_chatter_is_read() -> None:
    assert (read('```json\n{"score": 1}\n```'), read('{"score":0}')) == (1, 0)


def test_a_killed_run_asks_for_nothing_twice(tmp_path: Path, serve: Serve) -> None:
    """The whole command: answers in sentences, which rules find wrong, are judged; a kill and a second run ask none again."""
    url, answers = serve(faults={"500": 0.1, "drop": 0.05}), tmp_path / "answers.jsonl"
    items = list(MiniatureBenchmark(scenes=3, questions=2).items())
    rows = [{"id": f"{item.id}/shown", "text": f"I see {item.labels[0]} there."} for item in items]
    answers.write_text("\n".join(json.dumps(row) for row in rows))
    small = ("benchmark.scenes=3", "benchmark.questions=2", "benchmark.images=[shown]", "benchmark.judged=true")
    given = ("models=[theirs]", "predictor=answers", f"predictor.path={answers}", *small, "tracker=disabled")
    asks = ("judge=openai_compatible", "judge.model=test", f"judge.how.base_url={url}", *FREE, "judge.how.price=[1,1]")
    words = ["grade", *given, *asks, f"output_dir={tmp_path / 'outputs'}"]
    refused = ain(*words)
    assert refused.returncode != 0
    assert "answers, about $" in refused.stderr
    assert "judge.how.max_cost_usd=" in refused.stderr
    assert log(url)["tries"] == 0
    killed = ain(*words, "judge.how.max_cost_usd=5", change=partial(die_at_put, "after", 5))
    assert killed.returncode == -signal.SIGKILL
    good(result := ain(*words, "judge.how.max_cost_usd=5"))
    counts = read_manifest(Path(result.stdout.strip().splitlines()[-1]))["counts"]
    assert (counts["judged"], counts["unjudged"], counts["labelled"]) == (len(items), 0, len(items))
    assert counts["accuracy"]["shown"]["ar"]["all"] == 100.0
    assert 0 < counts["usd"] < 5
    asked = log(url)
    assert 5 < asked["units"] <= asked["answers"] <= asked["units"] + 64  # those in flight when it was killed
    good(ain(*words, "judge.how.max_cost_usd=5"))
    assert log(url)["tries"] == asked["tries"]


def test_the_cap_is_never_passed(tmp_path: Path, serve: Serve) -> None:
    url, given = serve(), answered(tmp_path / "d" / "p", open_answers(60))
    priced = ("judge.how.price=[1000,1000]", "judge.how.concurrency=1", "judge.check=0")
    with pytest.raises(
        UserError, match=r"40 requests for 40 answers, about \$.*; to allow it add judge\.how\.max_cost"
    ):
        grade(given, benchmark(judged=True), tmp_path / "d" / "g", judge(url, *priced))
    with pytest.raises(UserError, match=r"stopped at \$.* before judge\.how\.max_cost_usd=6 could be passed"):
        grade(given, benchmark(judged=True), tmp_path / "d" / "g", judge(url, *priced, "judge.how.max_cost_usd=6"))
    assert 1 <= log(url)["served"] < 40
    lines = estimate(given, benchmark(judged=True), judge(url, *priced), tmp_path)
    assert "40 answers need 40 requests" not in lines[0]  # some are paid already
    assert "40 answers need" in lines[0]


def test_agreement_with_rules_and_people(tmp_path: Path, serve: Serve) -> None:
    """The judge of the test server takes «no cat 1» for right, because it has the label in it; people do not."""
    rows = [{"labels": [f"cat {i}"], "prediction": f"cat {i}"} for i in range(10)]
    rows += [{"labels": [f"cat {i}"], "prediction": f"no cat {i}"} for i in range(10, 20)]
    rows += [{"labels": [f"cat {i}"], "prediction": "a dog"} for i in range(20, 40)]
    labels = tmp_path / "people.csv"
    lines = [f"{i},{int(i < 10)},base" for i in range(5, 25)]
    labels.write_text("\n".join(["id,label,model", *lines, "5,0,another model", "39,,base"]))
    given, url = answered(tmp_path / "d" / "p", rows), serve()
    asked = judge(url, f"judge.labels={labels}", "judge.check=16")
    counts = grade(given, benchmark(judged=True), tmp_path / "d" / "g", asked)
    table = {
        (row["who"], row["against"], row["rules"]): row
        for row in read_table(tmp_path / "d" / "g" / "tables" / "agreement.csv")
    }
    right = table["judge", "rules", "right"]
    assert (right["answers"], right["agree"], right["kappa"]) == (8, 100.0, None)
    assert table["judge", "rules", "wrong"]["answers"] == 8
    assert 0 < table["judge", "rules", "wrong"]["agree"] < 100
    people = {who: table[who, "people", None] for who in ("rules", "judge", "grade")}
    assert [(row["answers"], row["agree"]) for row in people.values()] == [(20, 100.0), (20, 50.0), (20, 50.0)]
    assert people["rules"]["kappa"] == 1.0
    assert people["judge"]["kappa"] == pytest.approx(0.2, abs=0.001)  # observed 0.5, by chance 0.375
    assert counts["agreement"]["judge_people_percent"] == 50.0
    # Rules find the first ten right. The judge is asked about the other thirty, of which the dogs differ by their labels,
    # and about those of the ten that are drawn or that people judged.
    assert 35 <= counts["requests"] <= 40
    assert counts["judged"] == 30


def test_people_may_be_compared_with_rules_alone(tmp_path: Path) -> None:
    labels = tmp_path / "people.jsonl"
    labels.write_text('{"id": "0", "label": 1}\n{"id": 1, "label": 1}\n')
    given = answered(tmp_path / "p", [{"labels": ["a"], "prediction": text} for text in ("a", "b", "c")])
    counts = grade(given, benchmark(), tmp_path / "g", Rules(str(labels)))
    assert counts["agreement"] == {"rules_people_percent": 50.0, "rules_people_kappa": 0.0} | {
        "grade_people_percent": 50.0,
        "grade_people_kappa": 0.0,
    }
    assert "judged" not in counts


def test_kappa() -> None:
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4)  # the textbook's example
    assert cohens_kappa([(1, 1), (1, 1)]) is None
    assert cohens_kappa([(None, 1), (None, 0)]) == 0.0


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_a_sample_has_half_of_each_where_there_are_as_many(right: int, wrong: int, count: int) -> None:
    names = [[(f"{side}{i}", "shown") for i in range(size)] for side, size in (("r", right), ("w", wrong))]
    drawn = sample(*names, count)
    assert len(set(drawn)) == len(drawn) == min(count, right + wrong)
    of_right = sum(name[0].startswith("r") for name in drawn)
    assert of_right >= min(right, count // 2)
    assert len(drawn) - of_right >= min(wrong, count // 2)
    assert drawn == sample(*(side[::-1] for side in names), count)


@pytest.mark.parametrize("row", ["0,2,", "0,yes,", "0,1,\n0,0,"])
def test_a_row_that_is_no_verdict_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"id,label,model\n{row}\n")
    with pytest.raises(UserError, match=rf"judge\.labels={path}, row \d: "):
        read_verdicts(path)


def test_a_judge_that_was_shut_down_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import date

    monkeypatch.setattr("ain.chat.cost.shutdown", lambda model: date(2020, 1, 1))
    asked = component(config("judge=gpt_4o"), "judge")
    with pytest.raises(UserError, match=r"was shut down on 2020-01-01: choose judge="):
        check(benchmark(judged=True), asked)
    check(benchmark(), asked)


def test_a_prompt_without_a_part_is_refused() -> None:
    with pytest.raises(UserError, match=r"judge\.prompts\.ar\.repair has no value"):
        component(config("judge=gpt_4o", "~judge.prompts.ar.repair"), "judge")
