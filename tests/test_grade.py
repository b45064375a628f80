"""Grade scores every question without the model: labels may arrive later, and what has no answer counts as wrong."""

import json
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ain import UserError
from ain.benchmark import Benchmark
from ain.benchmark.answers import ANSWERED
from ain.metrics.averages import Accuracy, averages
from ain.report.differences import difference
from ain.scorer import camel_official
from ain.scorer.options import option
from ain.scorer.overlap import chrf
from ain.scorer.texts import exact
from ain.stages.grade import SUBMISSION, check, grade
from ain.storage.listing import mark_done
from ain.storage.shards import Shards
from ain.storage.tables import read_table


def answered(directory: Path, rows: list[dict[str, Any]]) -> Path:
    """Write what predict would leave for these questions."""
    common = {"domain": "vqa", "language": "en", "kind": "x", "images": "shown", "media": ["i"], "finish": "stop"}
    made = [common | {"id": str(i), "question": "?", "options": [], "labels": []} | row for i, row in enumerate(rows)]
    Shards(directory, ANSWERED).create().write(0, made)
    mark_done(directory, {"counts": {"model": "base", "benchmark": "made"}})
    return directory


def benchmark(**settings: Any) -> Benchmark:
    made = Benchmark()
    vars(made).update({"scorer": exact} | settings)
    return made


def test_every_question_stays_in_the_denominator(tmp_path: Path) -> None:
    rows = [
        {"labels": ["red"], "prediction": "Red."},
        {"labels": ["red"], "prediction": "", "finish": "no answer: the server failed"},
        {"labels": ["red"], "prediction": "", "finish": "broken: image not found: a.png"},
        {"labels": ["red"], "prediction": "green and", "finish": "length"},
        {"prediction": "anything"},
    ]
    counts = grade(answered(tmp_path / "p", rows), benchmark(also={"chrf": chrf}), tmp_path / "g")
    assert (counts["input"], counts["kept"], counts["labelled"]) == (5, 5, 4)
    assert (counts["unanswered"], counts["truncated"], counts["unparsed"]) == (2, 1, 0)
    (row,) = (row for row in read_table(tmp_path / "g" / "tables" / "accuracy.csv") if row["domain"] == "all")
    assert (row["accuracy"], row["questions"], row["labelled"], row["unanswered"]) == (25.0, 5, 4, 2)
    assert 0.0 < row["chrf"] < 50.0  # in percent, over all labelled questions
    assert next(Shards(tmp_path / "g").rows(["score"]))["score"] == 1.0


def test_labels_that_arrive_later_grade_the_same_answers(tmp_path: Path) -> None:
    given = answered(tmp_path / "p", [{"prediction": answer} for answer in ("ب", "د", "لا أعرف")])
    counts = grade(given, benchmark(scorer=option), tmp_path / "none")
    assert (counts["labelled"], counts["accuracy"]) == (0, {})
    submitted = [json.loads(line) for line in (tmp_path / "none" / SUBMISSION).read_text().splitlines()]
    assert [(row["id"], row["prediction"]) for row in submitted] == [("0", "ب"), ("1", "د"), ("2", "لا أعرف")]
    (tmp_path / "labels.csv").write_text("id,label\n0,B\n1,A\n2,A\n9,A\n")
    counts = grade(given, benchmark(scorer=option, labels=str(tmp_path / "labels.csv")), tmp_path / "g")
    assert (counts["labelled"], counts["unparsed"], counts["labels without a question"]) == (3, 1, 1)
    assert counts["accuracy"]["shown"]["en"]["all"] == 33.3


def test_where_the_official_rule_differs_is_counted(tmp_path: Path) -> None:
    rows = [{"labels": ["ب"], "language": "ar", "prediction": text} for text in ("ب", "الإجابة هي ب", "أ")]
    graded = benchmark(scorer=option, official=camel_official.mcq)
    counts = grade(answered(tmp_path / "p", rows), graded, tmp_path / "g")
    (row,) = (row for row in read_table(tmp_path / "g" / "tables" / "accuracy.csv") if row["domain"] == "all")
    assert counts["official differs"] == sum(
        one["score"] != one["official"] for one in Shards(tmp_path / "g").rows(["score", "official"])
    )
    assert (row["accuracy"], counts["official differs"]) == (66.7, 1)


def test_questions_about_one_image_are_drawn_together(tmp_path: Path) -> None:
    """Twenty images with ten equal answers each are no 200 observations: the interval is wider."""
    right = [i % 2 == 0 for i in range(20)]
    rows = [
        {"labels": ["a"], "prediction": "a" if one else "b", "media": [f"{i}"]}
        for i, one in enumerate(right)
        for _ in range(10)
    ]
    apart = [row | {"media": [str(i)]} for i, row in enumerate(rows)]
    widths = []
    for name, of in (("together", rows), ("apart", apart)):
        grade(answered(tmp_path / name, of), benchmark(), tmp_path / f"{name}-graded")
        row = read_table(tmp_path / f"{name}-graded" / "tables" / "accuracy.csv")[0]
        widths.append(row["high"] - row["low"])
    assert widths[0] > 2 * widths[1]


def scored(error: float, seed: int) -> dict[str, float]:
    draw = Random(seed)
    return {str(i): float(draw.random() >= error) for i in range(2_000)}


def test_a_true_difference_is_found_and_none_between_two_draws_of_the_same() -> None:
    """Error rates of 10 and 13 % over 2,000 questions; the second model errs where the first does, and more often."""
    first = scored(0.10, 0)
    draw = Random(1)
    worse = {key: value if draw.random() > 0.03 / 0.9 else 0.0 for key, value in first.items()}
    apart = {key: value for key, value in scored(0.13, 5).items()}
    for other in (worse, apart):
        found = difference([first], [other], {})
        assert found
        assert found["p"] < 0.05
        assert found["high"] < 0
    same = [difference([scored(0.10, 2 * i)], [scored(0.10, 2 * i + 1)], {}) for i in range(20)]
    assert sum(found["p"] < 0.05 for found in same if found) <= 3


def test_one_image_is_no_evidence_of_a_difference() -> None:
    found = difference([{"a": 0.0, "b": 0.0}], [{"a": 1.0, "b": 1.0}], {"a": "image", "b": "image"})
    assert found
    assert (found["p"], found["images"]) == (1.0, 1)


def test_a_benchmark_without_a_rule_is_refused() -> None:
    with pytest.raises(UserError, match=r"benchmark=benchmark: no scorer; set benchmark\.scorer"):
        check(benchmark(scorer=None))
    check(benchmark(scorer=partial(option)))


def test_averages_are_of_data_sets_sub_domains_and_domains_or_of_questions() -> None:
    found = [
        Accuracy("a", "vqa", "objects", 50.0, 100, 100),
        Accuracy("b", "vqa", "objects", 100.0, 300, 300),
        Accuracy("b", "vqa", "scenes", 25.0, 100, 100),
        Accuracy("c", "ocr", "lines", 10.0, 1_000, 500),
        Accuracy("d", "medical", "basic", None, 50, 0),
    ]
    rows = {row["domain"]: row for row in averages(found)}
    assert (rows["vqa"]["mean"], rows["vqa"]["pooled"]) == (50.0, 75.0)  # (75 + 25) / 2; 375 of 500
    assert (rows["ocr"]["mean"], rows["ocr"]["labelled"], rows["ocr"]["questions"]) == (10.0, 500, 1_000)
    assert (rows["medical"]["mean"], rows["medical"]["pooled"], rows["medical"]["questions"]) == (None, None, 50)
    assert (rows["total"]["mean"], rows["total"]["pooled"]) == (30.0, 42.5)
    assert averages([])[-1]["mean"] is None
