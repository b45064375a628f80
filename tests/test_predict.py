"""Predict works with any language model, keeps every question, and asks nothing twice after an interruption."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import Serve, log
from PIL import Image

from ain import UserError
from ain.benchmark import Benchmark, Condition, Item
from ain.benchmark.miniature import MiniatureBenchmark
from ain.chat import LanguageModel, image_part, user_message
from ain.chat.answers_file import AnswersFile
from ain.chat.local import LocalModel
from ain.chat.openai_api import OpenAIModel
from ain.miniature import tiny
from ain.model.processor import Medium
from ain.model.qwen2_vl import Qwen2VLProcessor
from ain.scorer.texts import exact
from ain.stages import predict as stage
from ain.stages.grade import grade
from ain.storage.images import png
from ain.storage.ledger import Ledger
from ain.storage.listing import mark_done
from ain.storage.shards import Shards

QUESTIONS = 8 * 2 * 2 * 2 * 2  # domains, scenes, questions, languages, images


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("base")
    tokenizer = tiny.chat_tokenizer(["What is this?"], 300)
    model = tiny.qwen2_vl(tokenizer)
    for name, parameter in model.named_parameters():
        parameter.data *= 30 if "merger" in name or "patch_embed" in name else 2
    model.save_pretrained(path)
    tiny.save_processor(tokenizer, path)
    return str(path)


def evaluated(model: LanguageModel, outputs: Path, checkpoint: str = "none") -> list[dict[str, Any]]:
    conditions: tuple[Condition, ...] = ("shown", "blank")
    benchmark = MiniatureBenchmark(scenes=2, questions=2, images=conditions, max_new_tokens=4, scorer=exact)
    asked = {"name": "base", "checkpoint": checkpoint, "processor": Qwen2VLProcessor(checkpoint)}
    out, graded = outputs / "data" / "predict", outputs / "data" / "grade"
    counts = stage.predict(model, asked, benchmark, out)
    mark_done(out, {"counts": counts})
    assert counts["kept"] == counts["input"] == QUESTIONS
    counts = grade(out, benchmark, graded)
    rows = [{**row, "seconds": None} for row in Shards(graded).rows()]
    assert counts["kept"] == counts["input"] == len(rows) == QUESTIONS
    return rows


def test_a_local_run_that_was_interrupted_answers_as_an_undisturbed_one(
    checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers are stored a window of batches at a time, so the batches are the same and nothing is answered twice."""
    model = LocalModel(max_new_tokens=4, batch_size=5, device="cpu")
    asked: list[int] = []
    answers = LocalModel.answers
    monkeypatch.setattr(LocalModel, "answers", lambda self, r: asked.append(len(r)) or answers(self, r))
    whole = evaluated(model, tmp_path / "whole", checkpoint)
    assert len({row["prediction"] for row in whole}) > 10
    all_asked = list(asked)
    assert all_asked[0] == 4 * 5
    put, calls = Ledger.put, [0]

    def dying(self: Ledger, *arguments: Any) -> None:
        calls[0] += 1
        if calls[0] == 3:
            raise KeyboardInterrupt
        put(self, *arguments)

    monkeypatch.setattr(Ledger, "put", dying)
    with pytest.raises(KeyboardInterrupt):
        evaluated(model, tmp_path / "again", checkpoint)
    monkeypatch.setattr(Ledger, "put", put)
    asked.clear()
    assert evaluated(model, tmp_path / "again", checkpoint) == whole
    assert asked == all_asked[2:]


def test_answers_of_a_server_are_paid_once(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    url = serve(latency=0.01)

    def model(cap: float) -> OpenAIModel:
        return OpenAIModel(
            "test",
            base_url=url,
            price=[1.0, 1.0],
            max_cost_usd=cap,
            concurrency=4,
            requests_per_minute=None,
            where="predictor",
        )

    with pytest.raises(UserError, match=rf"{QUESTIONS} questions, about .* add predictor.how.max_cost_usd="):
        evaluated(model(0), tmp_path)
    put, calls = Ledger.put, [0]

    def dying(self: Ledger, *arguments: Any) -> None:
        calls[0] += 1
        if calls[0] > 10:
            raise RuntimeError("killed")
        put(self, *arguments)

    monkeypatch.setattr(Ledger, "put", dying)
    with pytest.raises(RuntimeError, match="killed"):
        evaluated(model(5), tmp_path)
    monkeypatch.setattr(Ledger, "put", put)
    rows = evaluated(model(5), tmp_path)
    assert all(row["prediction"].startswith("{") and row["finish"] == "stop" for row in rows)
    assert log(url)["served"] <= QUESTIONS + 4


def test_a_file_of_answers_made_elsewhere(tmp_path: Path) -> None:
    """Missing answers are written as requests with images, to be answered elsewhere; answers are then found by id or key."""
    path, requests = tmp_path / "answers.jsonl", tmp_path / "requests.jsonl"

    def model(**more: Any) -> AnswersFile:
        return AnswersFile(str(path), where="predictor", **more)

    with pytest.raises(UserError, match=r"122 questions got no answer .*answers.jsonl; see .*requests.jsonl"):
        evaluated(model(requests=str(requests)), tmp_path)
    asked = [json.loads(line) for line in requests.read_text().splitlines()]
    assert (
        len({row["id"] for row in asked}) == len({row["key"] for row in asked}) == 122
    )  # six are equal: all are blank
    assert asked[0]["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")
    made = [{name: row[name], "text": "نعم"} for row, name in zip(asked, ["id", "key"] * 61, strict=True)]
    path.write_text("\n".join(json.dumps(row) for row in made[:114]))
    with pytest.raises(UserError, match=r"8 questions .*requests=FILE writes .*predictor.how.skip_unanswered=true"):
        evaluated(model(), tmp_path)
    rows = evaluated(model(skip_unanswered=True), tmp_path)
    missing = [row for row in rows if not row["prediction"]]
    assert 8 <= len(missing) <= 10
    assert {row["score"] for row in missing} == {0.0}
    assert all(row["finish"].startswith("no answer: not in") for row in missing)
    with open(tmp_path / "data" / "grade" / "tables" / "accuracy.csv") as file:
        assert sum(int(row["questions"]) for row in csv.DictReader(file) if row["domain"] == "all") == QUESTIONS


@pytest.mark.parametrize("line", ["[]", '{"id": "a"}', '{"text": "a"}', '{"id": "a", "text": 7}', "{"])
def test_a_line_that_is_not_an_answer_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(f'{{"id": "a", "text": "b"}}\n{line}\n')
    with pytest.raises(UserError, match=r"answers.jsonl, line 2: expected"):
        evaluated(AnswersFile(str(path)), tmp_path)


class Chosen(Benchmark):
    """Questions about one image with a few options."""

    name, by = "chosen", "loglikelihood"
    max_new_tokens = 4

    def items(self, mix: Path | None = None) -> Iterator[Item]:
        image = png(Image.new("RGB", (56, 56), "red"))
        for i in range(5):
            choices = tuple("ABCD"[: 2 + i % 3])
            yield Item(str(i), "vqa", "en", "x", f"<image>\nWhich one, {i}?", ("A",), (lambda: image,), choices=choices)
        yield Item("lacking", "vqa", "en", "x", "<image>\nWhich one?", ("A",), (lambda: image,))
        yield Item("missing", "vqa", "en", "x", "<image>\nWhich one?", ("A",), (lambda: Path("/none").read_bytes(),))


def test_the_most_probable_letter_is_the_answer(
    checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be asked is kept, counts as wrong and is named. The same again computes nothing."""
    model = LocalModel(batch_size=4, device="cpu")
    asked = {"name": "base", "checkpoint": checkpoint, "processor": Qwen2VLProcessor(checkpoint)}
    out = tmp_path / "data" / "predict"
    counts = stage.predict(model, asked, Chosen(), out)
    rows = {row["id"]: row for row in Shards(out).rows()}
    assert (counts["input"], counts["kept"], counts["answered"]) == (7, 7, 5)
    assert rows["lacking"]["finish"] == "broken: no options whose letters could be scored"
    assert rows["missing"]["finish"].startswith("broken: ")
    own = model.with_checkpoint(checkpoint, Qwen2VLProcessor(checkpoint))
    for item in list(Chosen().items())[:5]:
        message = user_message(item.question, [image_part(load()) for load in item.images])
        scores = own.loglikelihood([([message], letter) for letter in item.choices])
        best = max(zip(scores, item.choices, strict=True))[1]
        assert rows[item.id]["prediction"] == best
    shutil.rmtree(out)
    monkeypatch.setattr(LocalModel, "loglikelihood", None)
    again = stage.predict(LocalModel(batch_size=1, device="cpu"), asked, Chosen(), out)
    assert {**again, "requests": 0} == {**counts, "requests": 0}


def test_limits_are_the_benchmarks(checkpoint: str) -> None:
    """A benchmark's images may have more pixels inside the model than those of training."""
    processor = Qwen2VLProcessor(checkpoint, max_pixels=28 * 28 * 4)
    large = processor.with_max_pixels(28 * 28 * 100)
    image = Medium("image", (280, 280))
    assert (processor.layout(image).tokens, large.layout(image).tokens) == (4, 100)
    assert large.max_length > processor.max_length
