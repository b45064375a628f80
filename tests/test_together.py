"""Scores over questions that count together: MME's sums, and multiple choice in all rotations of its options."""

import json
from pathlib import Path
from typing import Any

import pytest
from benchmark_tables import Scorer
from test_benchmark_table import ASKED, small
from test_grade import answered, benchmark

from ain import UserError
from ain.benchmark.rotations import rotated
from ain.benchmark.table import Table
from ain.metrics.together import mme, rotations
from ain.scorer.options import option
from ain.stages.grade import grade, headline, measures
from ain.storage.tables import read_table


def graded(domain: str, kind: str, *images: str) -> list[dict[str, Any]]:
    """images: for each, the scores of its questions, as "10"."""
    return [
        {"domain": domain, "kind": kind, "group": f"{kind}/{i}", "score": float(score)}
        for i, scores in enumerate(images)
        for score in scores
    ]


def test_mme_adds_accuracy_and_the_share_of_images_with_both_right() -> None:
    rows = graded("perception", "existence", "11", "10", "01", "00") + graded("perception", "color", "11", "11")
    found = mme(rows + graded("cognition", "code_reasoning", "10"))
    assert found["perception/existence"] == pytest.approx(50 + 25)
    assert found["perception/color"] == pytest.approx(200)
    assert (found["perception"], found["cognition"]) == (pytest.approx(275), pytest.approx(50))


def test_perception_is_2000_at_most() -> None:
    rows = [row for n in range(10) for row in graded("perception", f"task {n}", "11", "11")]
    assert mme(rows)["perception"] == pytest.approx(2000)


def test_a_question_is_right_only_if_all_its_rotations_are() -> None:
    rows = graded("d", "k", "1111", "1110", "111", "000")
    assert rotations(rows) == {"all rotations right": 50.0}
    assert rotations(graded("d", "k", "1", "0")) == {}  # nothing was rotated


def test_labels_follow_their_options() -> None:
    abc = ["كلب", "قطة", "حصان"]
    assert rotated(abc, ("ب",), 1, "أبج".__getitem__) == (["قطة", "حصان", "كلب"], ("أ",))
    assert rotated(abc, ("A",), 2, "أبج".__getitem__) == (["حصان", "كلب", "قطة"], ("ب",))
    assert rotated(abc, ("حصان",), 1, "ABC".__getitem__)[1] == ("حصان",)
    assert rotated(abc, ("2",), 1, "123".__getitem__)[1] == ("1",)
    assert rotated(abc, ("B",), 0, "أبج".__getitem__) == (abc, ("B",))
    assert rotated([], ("نعم",), 0, "أبج".__getitem__) == ([], ("نعم",))


def test_each_rotation_is_asked_with_its_own_letter(tmp_path: Path) -> None:
    rows = [
        {"question": "ما هذا؟", "options": ["كلب", "قطة", "حصان"], "labels": "B"},
        {"question": "أين؟", "options": [], "labels": "هنا"},
        {"question": "", "options": ["كلب", "قطة"], "labels": "A"},
    ]
    items = list(small(tmp_path, rows, rotations=True, sample="first", limit=3).items())
    assert [(item.id, item.group) for item in items] == [("0", "0"), ("0+1", "0"), ("0+2", "0"), ("1", "1"), ("2", "2")]
    assert [item.options[0] for item in items[:3]] == ["كلب", "قطة", "حصان"]
    for item in items[:3]:
        assert option(item.labels[0], ["قطة"], item.options).score == 1
        assert "\n".join(f"{letter}. {text}" for letter, text in zip("أبج", item.options, strict=True)) in item.question
    assert items[4].broken == "no question"
    assert len(list(small(tmp_path, rows).items())) == 3


def test_letters_of_a_file_fit_one_order_only(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"benchmark\.rotations=true needs labels in the data; remove benchmark\.labels"
    ):
        Table("x", str(tmp_path), {}, ASKED, Scorer(), rotations=True, labels="labels.csv")


def test_a_sample_takes_all_questions_of_a_group(tmp_path: Path) -> None:
    rows = [{"question": f"سؤال {n}", "image": f"image {n // 2}"} for n in range(40)]
    drawn = list(small(tmp_path, rows, limit=6, fields={"group": "{image}"}).items())
    assert len(drawn) == 6
    assert len({item.group for item in drawn}) == 3


def test_the_numbers_stand_beside_accuracy(tmp_path: Path) -> None:
    """Three images with two questions each; the one without an answer counts as wrong, the unlabelled one not at all."""
    texts = ["A", "A", "A", "B", "A", ""]
    rows = [
        {"labels": ["A"], "options": ["x", "y"], "prediction": text, "group": str(i // 2), "domain": "perception"}
        for i, text in enumerate(texts)
    ]
    given = answered(tmp_path / "p", [*rows, {"prediction": "A", "group": "3"}])
    counts = grade(given, benchmark(scorer=option, metrics=mme), tmp_path / "g")
    score = round(100 * (4 / 6 + 1 / 3), 1)
    assert counts["metrics"] == {"en perception": score, "en perception/x": score}
    assert json.loads(json.dumps(headline(counts))) == {"base en": 66.7, "base en perception": score}
    table = read_table(tmp_path / "g" / "tables" / "metrics.csv")
    assert next((row["metric"], row["value"], row["questions"]) for row in table) == ("perception", score, 6)
    assert (score, 6) in {
        (row["value"], row["n"]) for row in measures(counts, tmp_path / "g") if row["metric"] == "perception"
    }
