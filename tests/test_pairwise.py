"""Two models' open answers are judged in both orders: a judge that leans to a position favours nobody, and says so."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import Serve, good, log
from commands import ain
from graded import graded
from test_config import config
from test_judge import FREE, judge

from ain import UserError
from ain.benchmark.miniature import MiniatureBenchmark
from ain.judge.chat import read
from ain.judge.rules import Rules
from ain.pipeline.build import component
from ain.stages.pairwise import check, estimate, pairwise
from ain.storage.manifest import read_manifest
from ain.storage.shards import Shards
from ain.storage.tables import read_table

RIGHT, WRONG = "a red car", "a blue car"
ANSWERS = [  # of one, of two, who wins, by whom
    (RIGHT, WRONG, "one", "judge"),
    (WRONG, RIGHT, "two", "judge"),
    (RIGHT, "it is red", "tie", "judge"),
    (WRONG, "green", "tie", "judge"),
    (RIGHT, RIGHT, "tie", "rules"),
    ("", WRONG, "two", "rules"),
    (WRONG, " ", "one", "rules"),
    ("", "", "tie", "rules"),
]


def models(data: Path, answers: list[tuple[str, str]], **row: Any) -> dict[str, dict[str, Path]]:
    """Write the answers of both models. Without a text, there is no answer."""
    made: dict[str, dict[str, Path]] = {}
    for number, model in enumerate(("one", "two")):
        rows = [{"prediction": texts[number], **row} for texts in answers]
        rows += [{"prediction": "B", "options": ["x", "y"]}, {"prediction": "?", "images": "blank"}]
        made[f"{model}, made"] = {"grade": graded(data, model, rows)}
    return made


def test_both_orders_must_agree(tmp_path: Path, serve: Serve) -> None:
    url, out = serve(), tmp_path / "data" / "pairwise"
    pairs = models(tmp_path / "data", [texts[:2] for texts in ANSWERS])
    counts = pairwise(pairs, judge(url), out)
    rows = list(Shards(out).rows())
    assert [(row["winner"], row["by"]) for row in rows] == [texts[2:] for texts in ANSWERS]
    assert (counts["input"], counts["judged"], counts["unjudged"], counts["requests"]) == (
        8,
        4,
        0,
        6,
    )  # equal ones once
    asked = [json.loads(case) for case in log(url)["asked"]]
    assert {(case["first"], case["second"]) for case in asked} >= {(RIGHT, WRONG), (WRONG, RIGHT)}
    (row,) = read_table(out / "tables" / "pairwise.csv")
    assert (row["model"], row["other"], row["won"], row["tie"], row["lost"]) == ("one", "two", 25.0, 50.0, 25.0)
    assert (row["first"], row["second"]) == (0.0, 0.0)
    pairwise(pairs, judge(url), tmp_path / "data" / "again")
    assert log(url)["served"] == 6  # the ledger has them


def test_a_judge_that_prefers_the_first_answer_favours_no_model(tmp_path: Path, serve: Serve) -> None:
    answers = [(RIGHT, WRONG), (WRONG, RIGHT), (RIGHT, "it is red")]
    pairs = models(tmp_path / "data", answers, question="<image>\nbiased: which colour?")
    out = tmp_path / "data" / "pairwise"
    pairwise(pairs, judge(serve()), out)
    (row,) = read_table(out / "tables" / "pairwise.csv")
    assert (row["tie"], row["first"], row["second"], row["judged"]) == (100.0, 100.0, 0.0, 3)


def test_without_a_usable_verdict_there_is_no_winner(tmp_path: Path, serve: Serve) -> None:
    pairs = models(tmp_path / "data", [("unsure", RIGHT), (RIGHT, WRONG)])
    out = tmp_path / "data" / "pairwise"
    counts = pairwise(pairs, judge(serve()), out)
    first, second = Shards(out).rows()
    assert (first["winner"], first["fault"]) == (None, "no score of 0, 1 or 2")
    assert (second["winner"], counts["unjudged"]) == ("one", 1)
    assert read_table(out / "tables" / "pairwise.csv")[0]["questions"] == 2  # it stays in the denominator


def test_a_pair_has_three_scores_and_an_answer_two() -> None:
    assert [read(f'{{"score": {score}}}', 2) for score in (0, 1, 2)] == [0, 1, 2]
    assert isinstance(read('{"score": 3}', 2), str)
    assert isinstance(read('{"score": 2}'), str)


def test_what_cannot_be_compared_is_refused(tmp_path: Path, serve: Serve) -> None:
    two = {"one, made": {"grade": None}, "two, made": {"grade": None}}
    with pytest.raises(UserError, match="judge=rules: rules compare no answers; choose judge=gpt_4o"):
        check(two, Rules())  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"pairwise compares two models or more; name them, as models=\[base,tuned\]"):
        check({"one, made": {}, "one, other": {}}, judge("http://127.0.0.1:9/v1"))
    with pytest.raises(UserError, match=r"judge\.compare\.ar\.repair has no value"):
        component(config("judge=gpt_4o", "~judge.compare.ar.repair"), "judge")
    assert "known after ain grade" in estimate(two, judge("http://127.0.0.1:9/v1"), tmp_path)[0]  # type: ignore[arg-type]


def test_the_command_compares_two_files_of_answers(tmp_path: Path, serve: Serve) -> None:
    items = list(MiniatureBenchmark(scenes=2, questions=2, domains=("vqa",)).items())
    words = ["benchmark.scenes=2", "benchmark.questions=2", "benchmark.domains=[vqa]", "benchmark.images=[shown]"]
    for model, text in (("good", "It is {}."), ("bad", "Hmm.{}")):
        texts = [text.format(item.labels[0] if model == "good" else "") for item in items]
        rows = [{"id": f"{item.id}/shown", "text": said} for item, said in zip(items, texts, strict=True)]
        (tmp_path / f"{model}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        words += [f"+predictor@predictors.{model}=answers", f"predictors.{model}.path={tmp_path}/{model}.jsonl"]
    words += ["models=[good,bad]", "tracker=disabled", f"output_dir={tmp_path}/outputs"]
    words += ["judge=openai_compatible", "judge.model=test", f"judge.how.base_url={serve()}", *FREE]
    good(ain("grade", *words))
    planned = ain("pairwise", *words, "dry_run=true").stderr
    assert f"pairwise: {2 * len(items)} answers need" in planned, planned
    good(result := ain("pairwise", *words))
    (out,) = (path.parent for path in (tmp_path / "outputs" / "data").glob("*-pairwise-*/manifest.json"))
    assert set(read_manifest(out)["counts"]["wins"].values()) == {100.0}
    page = (Path(result.stdout.strip().splitlines()[-1]) / "index.md").read_text()
    assert "Which model answers open questions better" in page
