"""A survey is built from graded answers, and a person may edit it."""

import json
from collections import Counter
from pathlib import Path

import pytest
from surveyed import ASKED, MODELS, graded_models, stored, survey
from test_pipeline import Stages

from ain import UserError
from ain.cli.survey import main
from ain.storage.shards import Shards
from ain.survey import questions
from ain.survey.definition import read_survey
from ain.survey.folder import check_new
from ain.survey.page import write_report


def test_a_survey_is_built_from_graded_answers(survey_folder: Path) -> None:
    made = read_survey(survey_folder)
    assert made.models == list(MODELS)
    assert [question.text for question in made.questions] == [text for text, *_ in ASKED]
    assert [question.truth for question in made.questions] == [label for _, _, label, _ in ASKED]
    assert [answer.right for answer in made.questions[0].answers.values()] == [True, False, False]
    for question in made.questions:
        assert [(image.width, image.height) for image in question.images] == [(40, 30)]
        assert all((survey_folder / "images" / image.file).is_file() for image in question.images)


def test_questions_are_drawn_from_all_domains(survey_folder: Path) -> None:
    jobs = {path.name: [path] for path in (survey_folder.parent / "data").glob("*-grade-*")}
    found = questions.candidates(questions.evaluations(jobs, ["mine", "other"]))
    chosen = questions.drawn(found, 6, seed=0)
    assert sorted(Counter(one.domain for one in chosen).values()) == [1, 1, 2, 2]
    assert chosen == questions.drawn(found, 6, seed=0)
    assert chosen != questions.drawn(found, 6, seed=1)
    assert [one.id for one in questions.named(found, ["r5", "r0"])] == ["r5", "r0"]
    with pytest.raises(UserError, match="--questions 9: there are 8 questions"):
        questions.drawn(found, 9, seed=0)
    with pytest.raises(UserError, match="--records r99: not a labelled question"):
        questions.named(found, ["r0", "r99"])
    with pytest.raises(UserError, match="--models nobody: no finished evaluation has it"):
        questions.evaluations(jobs, ["mine", "nobody"])
    with pytest.raises(UserError, match="a survey compares at least two models"):
        questions.evaluations(jobs, ["mine"])


def test_a_model_that_two_jobs_asked_has_two_names(tmp_path: Path) -> None:
    first, second = (graded_models(tmp_path / name)[0] for name in ("one", "two"))
    (found,) = questions.evaluations({"one": [first], "two": [second], "again": [second]}, [])
    assert found.graded == {"mine (one)": first, "mine (two)": second}


def test_a_survey_of_a_real_job(pico: Path, tmp_path: Path, stages: Stages) -> None:
    """Named as `ain status` lists it. Both models' answers, the image and the label are what grade has."""
    (job,) = (path.parent.name for path in (pico / "runs").glob("*/job.json"))
    row = next(row for row in Shards(stages(pico)["grade"][0]).rows() if row["language"] == "ar")
    words = (job, "--records", row["id"], "--to", str(tmp_path / "made"), f"output_dir={pico}")
    result = survey("build", *words)
    assert result.returncode == 0, result.stderr
    made = read_survey(tmp_path / "made")
    (question,) = made.questions
    assert sorted(made.models) == ["base", "tuned"]
    assert (question.record, question.truth, question.domain) == (row["id"], " / ".join(row["labels"]), row["domain"])
    assert row["prediction"] in [answer.text for answer in question.answers.values()]
    assert [(image.width, image.height) for image in question.images] == [(56, 56)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version: "),
        ({"colour": "red"}, "colour: "),
        ({"models": ["mine", "theirs"]}, "question 1: expected an answer of each of mine, theirs"),
        ({"title": ""}, "title: "),
        ({"words": {}}, "words: about is missing"),
    ],
)
def test_an_edited_survey_is_checked(own_survey: Path, change: dict[str, object], said: str) -> None:
    path = own_survey / "survey.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(UserError, match=f"survey.json: {said}"):
        read_survey(own_survey)


def test_other_texts_keep_the_answers_and_other_questions_do_not(own_survey: Path) -> None:
    stored(own_survey).close()
    path = own_survey / "survey.json"
    row = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(row | {"title": "عنوان آخر"}), encoding="utf-8")
    stored(own_survey).close()
    row["questions"][0]["truth"] = "أحمر"
    path.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(UserError, match="holds answers to other questions"):
        stored(own_survey)


def test_mistakes_get_one_sentence(own_survey: Path, tmp_path: Path) -> None:
    for words, said in (
        (["serve", str(own_survey), "--port", "70000"], "--port 70000: expected a number"),
        (["serve", str(own_survey), "--url", "https://a.org/b"], "--url https://a.org/b: expected https://HOST"),
        (["build", "x", "--to", "y", "--questions", "0"], "--questions 0: expected a whole number of at least 1"),
        (["show"], "survey: argument ACTION: invalid choice"),
    ):
        with pytest.raises(UserError, match=said):
            main(words)
    with pytest.raises(UserError, match="holds a survey"):
        check_new(own_survey)
    with pytest.raises(UserError, match="nobody has answered"):
        write_report(own_survey)
    result = survey("serve", str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith(f"ain: {tmp_path}: no survey: there is no survey.json in it")
    assert result.stderr.count("\n") == 1
