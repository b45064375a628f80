"""lm-eval and lmms-eval for real: their environments, a task of each against our server, offline, with tiny checkpoints.

AIN_HARNESS_ENV names a folder where environments are kept between runs; installing them needs the network.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_qwen
import tiny_text
import yaml
from PIL import Image

from ain import Unavailable
from ain.chat import Request, image_part, user_message
from ain.chat.local import LocalModel
from ain.harness import LM_EVAL, LMMS_EVAL, Asked, Server, Tool, environment, run
from ain.model.families import processor
from ain.server.serving import serving
from ain.storage.images import png

pytestmark = pytest.mark.slow
QUESTIONS = [
    {"question": "What is this?", "options": ["A", "B", "C"], "answer": 0},
    {"question": "How many cats are there?", "options": ["one", "two cats", "ثلاث قطط"], "answer": 2},
    {"question": "ما هذا؟ ", "options": ["أ", "ب"], "answer": 1},
]
IN_PROCESS = """
import json, sys
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

checkpoint, pairs = sys.argv[1], json.loads(sys.argv[2])
model = HFLM(pretrained=checkpoint, device="cpu", dtype="float32", batch_size=2)
asked = [Instance("loglikelihood", {}, tuple(pair), i) for i, pair in enumerate(pairs)]
print(json.dumps([[float(logprob), bool(greedy)] for logprob, greedy in model.loglikelihood(asked)]))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("AIN_HARNESS_ENV")
    return Path(kept) if kept else tmp_path_factory.mktemp("environments")


def installed(tool: Tool, root: Path) -> Path:
    try:
        return environment(tool, root)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def text_model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return LocalModel(tiny_text.checkpoint(tmp_path_factory.mktemp("text")), device="cpu")


@pytest.fixture(scope="module")
def text_server(text_model: LocalModel) -> Iterator[Server]:
    with serving(text_model, "tiny") as url:
        yield Server(url, "tiny", text_model.named, text_model.max_length)


def tasks(folder: Path) -> Path:
    folder.mkdir()
    data = folder / "questions.jsonl"
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in QUESTIONS), encoding="utf-8")
    task = {
        "task": "tiny_choice",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_choice": "options",
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
        "metadata": {"version": 1.5},
    }
    (folder / "tiny_choice.yaml").write_text(yaml.safe_dump(task, allow_unicode=True), encoding="utf-8")
    return folder


@pytest.mark.parametrize("chat", [True, False])
def test_lm_eval_scores_options_as_we_do(
    root: Path, text_model: LocalModel, text_server: Server, tmp_path: Path, chat: bool
) -> None:
    """A task that does not exist is reported by its name, and the other one goes on. What is there is not run again."""
    python, asked = installed(LM_EVAL, root), Asked(chat=chat, include=tasks(tmp_path / "tasks"))

    def results(server: Server) -> list[object]:
        names = ["no_such_task", "tiny_choice"]
        return run(LM_EVAL, python, names, server, text_model.identity, tmp_path / "out", asked, offline=True)

    missing, made = results(text_server)
    assert missing.error
    assert "no_such_task" in missing.error
    assert not missing.rows
    assert made.error is None
    assert made.versions == {"tiny_choice": "1.5"}
    expected = []
    for row in QUESTIONS:
        context = [{"role": "user", "content": row["question"]}] if chat else row["question"]
        requests = [(context, option if chat else f" {option}") for option in row["options"]]
        scores = [score.logprob for score in text_model.loglikelihood(requests)]
        expected.append(row["options"][scores.index(max(scores))])
    labels = [row["options"][row["answer"]] for row in QUESTIONS]
    assert [row["answer"].strip() for row in made.rows] == expected
    assert [row["label"].strip() for row in made.rows] == labels
    assert [row["scores"]["acc"] for row in made.rows] == [a == b for a, b in zip(expected, labels, strict=True)]
    assert made.metrics["tiny_choice"]["acc"] == pytest.approx(sum(r["scores"]["acc"] for r in made.rows) / 3)
    nowhere = replace(text_server, url="http://127.0.0.1:9/v1")
    again = results(nowhere)[1]
    assert again == made


def test_our_scores_are_those_of_lm_eval(root: Path, text_model: LocalModel) -> None:
    """With its own model class, in its own process, on the same checkpoint."""
    with_torch = replace(LM_EVAL, needs=(*LM_EVAL.needs, "torch", "accelerate", "peft"))
    python = installed(with_torch, root)
    pairs = [(row["question"], f" {option}") for row in QUESTIONS for option in row["options"]]
    words = [str(python), "-c", IN_PROCESS, text_model.named, json.dumps(pairs)]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    made = subprocess.run(words, capture_output=True, text=True, check=True, env=offline).stdout
    expected = json.loads(made.strip().splitlines()[-1])
    scores = text_model.loglikelihood(pairs)
    assert [score.logprob for score in scores] == pytest.approx([logprob for logprob, _ in expected], abs=1e-4)
    assert [score.is_greedy for score in scores] == [greedy for _, greedy in expected]


def test_lmms_eval_shows_images_and_gets_our_answers(root: Path, tmp_path: Path) -> None:
    checkpoint = tiny_qwen.checkpoint("qwen2_vl", tmp_path / "checkpoint")
    model = LocalModel(checkpoint, processor(checkpoint), device="cpu")
    python = installed(LMMS_EVAL, root)
    images = [Image.new("RGB", (56, 84), colour) for colour in ("red", "blue", "green")]
    answers: dict[str, str] = {}
    requests = [
        Request(str(i), [user_message("<image>ما هذا؟", [image_part(png(image))])], 4) for i, image in enumerate(images)
    ]
    model.generate(requests, lambda request, reply: answers.update({request.key: reply.text}), tmp_path)
    folder = looking(tmp_path, python, images, answers["1"])
    with serving(model, "tiny") as url:
        server = Server(url, "tiny")
        (made,) = run(
            LMMS_EVAL,
            python,
            ["tiny_look"],
            server,
            model.identity,
            tmp_path / "out",
            Asked(include=folder),
            offline=True,
        )
    assert made.error is None, made.error
    assert [row["answer"] for row in made.rows] == [answers[str(i)] for i in range(3)]
    assert [row["scores"]["exact_match"] for row in made.rows] == [answers[str(i)] == answers["1"] for i in range(3)]
    (refused,) = run(
        LMMS_EVAL, python, ["tiny_look"], server, ["another"], tmp_path / "out", Asked(include=folder), offline=True
    )
    assert refused.error
    assert "3 of 3 questions got no answer" in refused.error


def looking(directory: Path, python: Path, images: list[Image.Image], label: str) -> Path:
    """Write a task about images of a data set on this disk, which the tool's own version of `datasets` saves."""
    folder, pictures = directory / "tasks", directory / "pictures"
    folder.mkdir()
    pictures.mkdir()
    for number, image in enumerate(images):
        image.save(pictures / f"{number}.png")
    saving = (
        "import sys, datasets; from pathlib import Path; files = sorted(map(str, Path(sys.argv[1]).iterdir()));"
        "data = datasets.Dataset.from_dict({'image': files, 'answer': [sys.argv[3]] * len(files)});"
        "data = data.cast_column('image', datasets.Image());"
        "datasets.DatasetDict({'test': data}).save_to_disk(sys.argv[2])"
    )
    subprocess.run([str(python), "-c", saving, str(pictures), str(directory / "data"), label], check=True)
    (folder / "utils.py").write_text(
        "def visual(doc):\n    return [doc['image'].convert('RGB')]\n\n\n"
        "def text(doc, lmms_eval_specific_kwargs=None):\n    return 'ما هذا؟'\n",
        encoding="utf-8",
    )
    (folder / "tiny_look.yaml").write_text(
        f"""
task: tiny_look
dataset_path: {directory / "data"}
dataset_kwargs: {{load_from_disk: true}}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.visual
doc_to_text: !function utils.text
doc_to_target: answer
generation_kwargs: {{max_new_tokens: 4}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 2.0}}
""",
        encoding="utf-8",
    )
    return folder


@pytest.mark.parametrize("tool", [LM_EVAL, LMMS_EVAL], ids=lambda tool: tool.name)
def test_an_environment_holds_the_pinned_versions(root: Path, tool: Tool) -> None:
    words = [str(installed(tool, root)), "-m", "pip", "freeze"]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    versions = {
        name.lower(): version.partition("+")[0] for name, _, version in (line.partition("==") for line in lines)
    }
    text = tool.constraints.read_text(encoding="utf-8")
    pins = dict(line.lower().split("==") for line in text.splitlines() if "==" in line and not line.startswith("#"))
    assert versions[tool.name] == tool.version
    assert not {name: version for name, version in versions.items() if pins.get(name, version) != version}
    of_torch = ("nvidia-", "cuda-", "triton")  # which pins their versions itself, and has none on a CPU
    assert {name for name in set(versions) - set(pins) if not name.startswith(of_torch)} <= {"pip", "setuptools"}
