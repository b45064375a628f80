"""The page of all questions: what its files hold, that texts of data stay texts, and that it stays small."""

import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from commands import ain
from conftest import PICO
from graded import graded, image
from test_pages import check
from test_pipeline import Stages

from ain.metrics.outcomes import OUTCOMES
from ain.report import questions_page
from ain.report.questions import Evaluation
from ain.report.questions_page import CHUNK, write_questions
from ain.storage.shards import Shards
from ain.storage.tables import read_table
from ain.tracking.content import Media

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> & \u2028 \"'"


def index(where: Path) -> dict[str, Any]:
    text = (where / "questions" / "data" / "index.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("ain.index(").removesuffix(");\n"))  # type: ignore[no-any-return]


def chunk(where: Path, number: int) -> list[dict[str, Any]]:
    text = (where / "questions" / "data" / f"{number:04d}.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix(f"ain.chunk({number},").removesuffix(");\n"))  # type: ignore[no-any-return]


@pytest.fixture
def two(tmp_path: Path) -> Evaluation:
    """Two models that answer six questions in all ways."""
    arabic = {"language": "ar", "domain": "ثقافة", "question": "<image>\nما اسم C++ هنا؟", "labels": ["نعم"]}
    first = [
        {},
        arabic | {"prediction": "لا", "parsed": "لا", "score": 0.0},
        {"prediction": "", "parsed": None, "score": 0.0, "finish": "no answer: the server failed"},
        {"prediction": "hm", "parsed": None, "score": 0.0, "finish": "length"},
        {"prediction": "reddish", "parsed": "reddish", "score": 0.5},
        {"labels": [], "score": None, "id": "a/b", "options": ["red", HOSTILE]},
    ]
    last = [{"prediction": HOSTILE, "parsed": HOSTILE, "score": 0.0}, arabic | {"prediction": "نعم", "parsed": "نعم"}]
    names = ("language", "domain", "question", "labels", "id", "options")
    last += [{name: row[name] for name in names if name in row} for row in first[2:]]
    last[5]["score"] = None
    return Evaluation("made", {"base": graded(tmp_path, "base", first), "tuned": graded(tmp_path, "tuned", last)})


def test_the_index_has_what_filters_need(two: Evaluation, tmp_path: Path) -> None:
    where = tmp_path / "page"
    assert write_questions([two], where) == 6
    made = index(where)
    assert (made["models"], made["answers"]) == (["base", "tuned"], ["rwaUpn", "wrrrrn"])
    assert list(made["outcomes"].values()) == list(OUTCOMES)
    assert made["kinds"] == [["vqa", "colour"], ["ثقافة", "colour"]]
    assert made["languages"] == [["en", "English", "ltr"], ["ar", "Arabic", "rtl"]]
    assert made["columns"][1:3] == [[0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
    rows = chunk(where, 0)
    assert [row["id"] for row in rows] == ["0", "1", "2", "3", "4", "a/b"]
    assert rows[1]["question"] == ["rtl", "ما اسم ", "C++", " هنا؟"]
    assert rows[2]["answers"][0]["why"] == "no answer: the server failed"
    assert "cut off" in rows[3]["answers"][0]["why"]
    assert rows[0]["answers"][0]["ended"] == "stop, 2 tokens, 0.25 s"
    for row in rows:
        ((file, width, height),) = row["images"]
        assert (width, height) == (40, 30)
        assert (where / "questions" / "images" / file).read_bytes() in [image(number)[1] for number in range(8)]


def test_texts_of_data_are_never_markup(two: Evaluation, tmp_path: Path) -> None:
    where = tmp_path / "page"
    write_questions([two], where)
    assert chunk(where, 0)[0]["answers"][1]["text"] == HOSTILE
    for path in (where / "questions").rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert path.name == "questions.js" or "<" not in text
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(", text)
    html = (where / "questions" / "index.html").read_text(encoding="utf-8")
    assert "onerror=alert" in html  # the answer is there, as text, for readers without JavaScript
    assert "<img src=x" not in html
    assert re.findall(r"<script.*?>", html) == ['<script src="questions.js">', '<script src="data/index.js">']
    assert "default-src 'none'" in html
    (where / "index.html").touch()  # the job's page, to which it links
    assert "#main" in check(where / "questions" / "index.html").links


def test_a_model_that_was_not_asked_has_no_answer(tmp_path: Path) -> None:
    asked = {"base": graded(tmp_path, "base", [{}, {}]), "tuned": graded(tmp_path, "tuned", [{}])}
    write_questions([Evaluation("made", asked)], tmp_path / "page")
    assert index(tmp_path / "page")["answers"] == ["rr", "r-"]
    assert chunk(tmp_path / "page", 0)[1]["answers"][1] is None


def test_tables_for_wandb_have_thumbnails(two: Evaluation, tmp_path: Path) -> None:
    where = tmp_path / "page"
    write_questions([two, two], where)
    path = where / "tables" / "questions-1.csv"
    rows = read_table(path)
    assert [row["base: score"] for row in rows] == [1.0, 0.0, 0.0, 0.0, 0.5, None]
    assert rows[0]["tuned"] == HOSTILE
    table = Media(path, where).made()
    assert [one.image.size for one in table.get_column("thumbnail")] == [(40, 30)] * 6


@pytest.mark.slow
def test_ten_thousand_questions_stay_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is a few bytes a question, and memory holds a shard, the index and W&B's table, which has an end."""
    monkeypatch.setattr(questions_page, "ROWS", 500)

    def peak(count: int) -> float:
        where = tmp_path / f"page-{count}"
        rows = [{"question": f"<image>\n{i} {'x' * 300}", "prediction": "y" * 200} for i in range(count)]
        one = Evaluation("made", {model: graded(tmp_path / f"{count}", model, rows) for model in ("base", "tuned")})
        del rows
        tracemalloc.start()
        assert write_questions([one], where) == count
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / 1e6

    count, where = 10_000, tmp_path / "page-10000"
    small, large = peak(1_000), peak(count)
    assert large - small < 3  # MB
    data = where / "questions" / "data"
    assert len(list(data.glob("[0-9]*.js"))) == count // CHUNK
    assert (data / "index.js").stat().st_size < 20 * count
    assert max(path.stat().st_size for path in data.glob("[0-9]*.js")) < 200_000
    assert (where / "questions" / "index.html").stat().st_size < 100_000
    assert len(list((where / "questions" / "images").iterdir())) == 8
    assert len(read_table(where / "tables" / "questions.csv")) == 500


def test_a_job_shows_the_questions_that_were_asked_for(pico: Path, trained: Path, stages: Stages) -> None:
    row = next(Shards(stages(pico)["grade"][0]).rows(["id", "question"]))
    words = ["evaluate", *PICO, "models=[base]", f"output_dir={trained}"]
    result = ain(*words, f"records=[{row['id']}]")
    assert result.returncode == 0, result.stderr
    page = Path(result.stdout.strip())
    job = check(page / "index.html")
    assert "questions/index.html" in job.links
    check(page / "questions" / "index.html")
    text = (page / "index.html").read_text(encoding="utf-8")
    assert text.count('alt="image 1 of question ') == text.count(f'alt="image 1 of question {row["id"]}"') == 1
    assert {"accuracy.png", "answers.png", "radar.png"} <= {path.name for path in (page / "figures").iterdir()}
    refused = ain(*words, f"records=[{row['id']},nobody]")
    assert "ain: records=[nobody]: " in refused.stderr
