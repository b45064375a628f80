"""Every benchmark over a table, from its YAML to a graded table, on a small stand-in with the same columns."""

import csv
import json
from pathlib import Path

import pytest
from benchmark_tables import BROKEN, MISSING, ROWS, Rows
from test_benchmarks import TABLES, benchmarks

from ain.benchmark.table import Table
from ain.chat.answers_file import AnswersFile
from ain.pipeline.build import build
from ain.pipeline.values import checked
from ain.stages.grade import check, grade
from ain.stages.predict import predict
from ain.storage.listing import mark_done
from ain.storage.shards import Shards
from ain.storage.tables import read_table


@pytest.mark.parametrize("choice", TABLES)
def test_from_questions_to_a_graded_table(choice: str, tmp_path: Path) -> None:
    """An answer that is the label is right; a broken image and a missing question score 0, and are counted and named."""
    values = benchmarks()[choice]
    rows = Rows(values)
    path = rows.save(tmp_path / "data-set")
    plain = build(checked("benchmark", values | {"path": path, "limit": None, "images": ["shown"], "rotations": False}))
    assert isinstance(plain, Table)
    check(plain)
    items = list(plain.items())
    labels = {item.id: item.labels[0] if item.labels else _label(item.options) for item in items}
    (tmp_path / "labels.jsonl").write_text("\n".join(json.dumps({"id": i, "label": x}) for i, x in labels.items()))
    answers = [{"id": f"{item.id}/shown", "text": labels[item.id]} for item in items]
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, answers)))
    out, graded = tmp_path / "outputs" / "data" / "predict", tmp_path / "outputs" / "data" / "grade"
    model = AnswersFile(str(tmp_path / "answers.jsonl"), skip_unanswered=True)
    plain.by = "generation"
    counts = predict(model, {"name": "theirs", "checkpoint": None, "processor": None}, plain, out)
    mark_done(out, {"counts": counts})
    more = {} if rows.published else {"labels": str(tmp_path / "labels.jsonl")}
    benchmark = build(checked("benchmark", values | {"path": path, "limit": None, "rotations": False} | more))
    made = grade(out, benchmark, graded)
    assert (made["input"], made["kept"]) == (ROWS, ROWS)
    broken = {number for number, item in enumerate(items) if item.broken}
    assert broken <= {BROKEN, MISSING}
    for number, row in enumerate(Shards(graded).rows()):
        assert row["finish"].startswith("broken: ") is (number in broken), row["finish"]
        if number in broken or row["score"] is None:
            assert not row["score"]
        else:
            assert row["score"] > 0.99, (row["question"], row["labels"], row["prediction"])
    table = read_table(graded / "tables" / "accuracy.csv")
    assert sum(row["questions"] for row in table if row["domain"] == "all") == ROWS
    with open(graded / "submission.jsonl", encoding="utf-8") as lines:
        assert len(list(lines)) == ROWS
    with open(graded / "tables" / "subdomains.csv", encoding="utf-8") as file:
        assert sum(int(row["questions"]) for row in csv.DictReader(file)) == ROWS


def _label(options: tuple[str, ...]) -> str:
    return "أ" if options else "نعم"
