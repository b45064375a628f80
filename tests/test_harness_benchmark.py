"""Answers and scores of a harness become questions and grades like those of other benchmarks."""

from pathlib import Path

import pytest
import test_harness_tools as tools
import tiny_text

from ain import UserError
from ain.benchmark.harness import Harness
from ain.chat.answers_file import AnswersFile
from ain.chat.local import LocalModel
from ain.harness import LM_EVAL
from ain.harness.run import TaskRun
from ain.stages.grade import check, grade
from ain.stages.predict import predict
from ain.storage.listing import mark_done
from ain.storage.shards import Shards
from ain.storage.tables import read_table


def answered(task: str, number: int, scores: dict[str, float], details: dict[str, object]) -> dict[str, object]:
    told = {"question": f"Q{number}", "label": "A", "answer": "B"}
    return {"task": task, "id": str(number), **told, "scores": scores, "details": details}


def test_scores_are_numbers_of_a_question_or_what_a_metric_keeps_of_it() -> None:
    kept = [{"score": 1.0, "question_id": 7}, {"pred": "A", "answer": "A"}, {"pred": "A", "answer": "B"}, {"other": 1}]
    rows = [answered("t", 0, {"acc": 0.5}, {})]
    rows += [answered("t", i, {}, {"acc": one}) for i, one in enumerate(kept, 1)]
    made = list(Harness("name", "lm_eval", ("t",), "acc").rows([TaskRun("t", ["lm_eval"], rows)]))
    assert [row["measured"] for row in made] == [
        '{"score": 0.5}',
        '{"score": 1.0}',
        '{"score": 1.0}',
        '{"score": 0.0}',
        None,
    ]
    assert [bool(row["labels"]) for row in made] == [True, True, True, True, False]
    assert len({row["id"] for row in made}) == 5
    with pytest.raises(UserError, match=r"benchmark\.metric=f1: no question has such a number; choose among acc"):
        list(Harness("name", "lm_eval", ("t",), "f1").rows([TaskRun("t", ["lm_eval"], rows)]))


def test_a_harness_needs_a_checkpoint_and_no_scorer(tmp_path: Path) -> None:
    benchmark = Harness("name", "lm_eval", ("t",), "acc")
    check(benchmark)
    with pytest.raises(UserError, match=r"benchmark=name: lm_eval asks a checkpoint .* cannot ask AnswersFile"):
        benchmark.results(AnswersFile(str(tmp_path / "answers.jsonl")), tmp_path)


@pytest.mark.slow
def test_lm_eval_runs_from_predict_to_grade(tmp_path: Path) -> None:
    root = Path(tools.os.environ.get("AIN_HARNESS_ENV", tmp_path / "environments"))
    tools.installed(LM_EVAL, root)
    checkpoint = tiny_text.checkpoint(tmp_path / "text")
    folder = tools.tasks(tmp_path / "tasks")
    more = {"include": str(folder), "environments": str(root), "offline": True}
    benchmark = Harness("tiny", "lm_eval", ("tiny_choice",), "acc", **more)  # type: ignore[arg-type]
    asked = {"name": "base", "checkpoint": checkpoint, "processor": None}
    out = tmp_path / "data" / "predict"
    counts = predict(LocalModel(device="cpu"), asked, benchmark, out)
    assert (counts["input"], counts["versions"]) == (len(tools.QUESTIONS), {"tiny_choice": "1.5"})
    mark_done(out, {"counts": counts})
    graded = grade(out, benchmark, tmp_path / "data" / "grade")
    (own,) = (row for row in read_table(out / "tables" / "harness.csv") if row["metric"] == "acc")
    assert graded["accuracy"]["shown"]["en"]["all"] == round(100 * own["value"], 1)
    assert graded["labelled"] == len(tools.QUESTIONS)
    rows = list(Shards(tmp_path / "data" / "grade").rows(["kind", "score"]))
    assert {row["kind"] for row in rows} == {"tiny_choice"}
    lost = Harness("tiny", "lm_eval", ("no_such_task", "tiny_choice"), "acc", **more)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"benchmark=tiny: 1 of 2 tasks have no results: no_such_task: "):
        predict(LocalModel(device="cpu"), asked, lost, tmp_path / "data" / "other")
