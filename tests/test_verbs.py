"""The verbs that are no stages: chat, show, completion; and the example of an exported model card."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Result, ain
from conftest import PICO
from graded import graded
from PIL import Image
from test_pipeline import Stages

from ain.cli.chat import Conversation
from ain.cli.completion import script
from ain.cli.verbs import VERBS
from ain.storage.shards import Shards


def piped(text: str, *words: str) -> Result:
    command = [sys.executable, "-m", "ain", *words]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb: str) -> None:
    shown = ain(verb, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"usage: ain {verb}")
    assert f"  {verb} " in ain("--help").stdout


def test_a_trained_checkpoint_answers_about_an_image(pico: Path, tmp_path: Path, stages: Stages) -> None:
    (train,), image = stages(pico)["train"], tmp_path / "image.png"
    Image.new("RGB", (56, 56), "red").save(image)
    result = piped("ما لون الدائرة؟\n", "chat", str(train), str(image), "--max-new-tokens", "4", "--device", "cpu")
    assert result.returncode == 0, result.stderr
    from ain.chat.local import LocalModel
    from ain.model.families import processor

    checkpoint = str(train / "checkpoint")
    conversation = Conversation(LocalModel(checkpoint, processor(checkpoint), device="cpu"), 4)
    conversation.show(image.read_bytes())
    assert conversation.ask("ما لون الدائرة؟").text == result.stdout.strip()
    conversation.ask("كم دائرة في الصورة؟")
    assert [message["role"] for message in conversation.messages] == ["user", "assistant"] * 2


def test_mistakes_of_chat_get_one_sentence(pico: Path, tmp_path: Path, stages: Stages) -> None:
    train, text = str(stages(pico)["train"][0]), tmp_path / "text.png"
    text.write_text("no image")
    for words, said in (
        (["/nowhere"], "ain: /nowhere: no such directory"),
        ([str(tmp_path)], "no checkpoint: there is no config.json in it"),
        ([train, str(text)], "text.png: no image in a known format"),
        ([train, str(tmp_path / "gone.png")], "gone.png: cannot be read (No such file or directory)"),
        ([train], "ain: chat: no question"),
        ([train, "--device", "gpu"], "ain: --device gpu: choose one of auto, cpu,"),
        ([train, "--max-new-tokens", "0"], "ain: --max-new-tokens 0: expected a whole number of at least 1"),
    ):
        result = piped("", "chat", *words)
        assert result.returncode != 0
        assert said in result.stderr, result.stderr
        assert "Traceback" not in result.stderr


def test_show_prints_a_record_from_source_to_verdict(pico: Path, tmp_path: Path, stages: Stages) -> None:
    translated = next(row for row in Shards(stages(pico)["translate"][0]).rows() if row["turns"])
    result = ain("show", translated["id"], f"output_dir={pico}", "--images", str(tmp_path))
    assert result.returncode == 0, result.stderr
    for said in ("English", "Arabic", translated["turns"][0]["answer"], "similarity", "Kept", "images/00000.arrow"):
        assert said in result.stdout
    written = Path(result.stdout.splitlines()[-1])
    assert written.parent == tmp_path
    assert Image.open(written).size == (56, 56)
    unknown = ain("show", "nobody", f"output_dir={pico}")
    assert unknown.returncode != 0
    assert unknown.stderr.startswith("ain: nobody: no finished select in")
    assert "no evaluation asked such a question" in unknown.stderr


def test_show_says_why_a_record_was_rejected(pico: Path, tmp_path: Path, stages: Stages) -> None:
    outputs = shutil.copytree(pico, tmp_path / "outputs", ignore=shutil.ignore_patterns("runs", "report", "*-select-*"))
    result = ain("select", *PICO, "thresholds.similarity=0.9999", f"output_dir={outputs}")
    assert result.returncode == 0, result.stderr
    rejected = next(Shards(stages(outputs)["select"][0]).rows(part="rejected"))
    assert rejected["reasons"][0].startswith("similarity: ")
    shown = ain("show", rejected["id"], f"output_dir={outputs}").stdout
    assert f"Rejected: {'; '.join(rejected['reasons'])}" in shown


def test_show_prints_a_question_with_the_answers_of_all_models(pico: Path, tmp_path: Path, stages: Stages) -> None:
    row = next(row for row in Shards(stages(pico)["grade"][0]).rows() if row["language"] == "ar")
    result = ain("show", row["id"], f"output_dir={pico}", "--images", str(tmp_path))
    assert result.returncode == 0, result.stderr
    for said in ("miniature, ", "56 x 56 pixels as stored", row["question"].split("\n")[1], "\nbase: ", "\ntuned: "):
        assert said in result.stdout
    assert result.stdout.count("  ended                stop") == 2
    assert Image.open(result.stdout.splitlines()[-1]).size == (56, 56)


def test_show_says_why_an_answer_is_wrong(tmp_path: Path) -> None:
    """Ids may have slashes. The newest directory of each model that has the question is read."""
    wrong = {"id": "set/1/2", "prediction": "It is blue", "parsed": "blue", "score": 0.0}
    graded(tmp_path / "data", "mine", [{"labels": ["red"]} | wrong, {}])
    graded(tmp_path / "data", "theirs", [wrong | {"prediction": "", "parsed": None, "finish": "no answer: timeout"}])
    graded(tmp_path / "data", "mine", [{"id": "other"}], benchmark="another")
    shown = ain("show", "set/1/2", f"output_dir={tmp_path}").stdout
    theirs, mine = shown.partition("\ntheirs: ")[2].split("\nmine: ")  # the last asked comes first
    assert mine.startswith("wrong, score 0\n  why                  what was read is no label\n")
    assert "  answer               It is blue\n  read as              blue\n" in mine
    assert theirs.startswith("no answer, score 0\n  why                  no answer: timeout\n")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ain expo", "export"),
        ("ain run ain/table", "ain/table1 ain/table2 ain/table3 ain/table4 ain/table5 ain/table9"),
        ("ain run translator=gpt_4o", "gpt_4o gpt_4o_mini"),
        ("ain select thresholds=l", "loose"),
    ],
)
def test_tab_completes(typed: str, offered: str) -> None:
    count = len(typed.split()) - 1
    code = f'{script()}\nCOMP_LINE="{typed}"; COMP_POINT={len(typed)}; COMP_WORDS=({typed}); COMP_CWORD={count}; _ain\n'
    done = subprocess.run(["bash", "-c", code + 'echo "${COMPREPLY[*]}"'], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == offered


def test_the_example_of_a_model_card_runs(pico: Path, tmp_path: Path, stages: Stages) -> None:
    """Without torchvision too: it is blocked here, in case that it is installed."""
    checkpoint = stages(pico)["train"][0] / "checkpoint"
    Image.new("RGB", (56, 56), "red").save(tmp_path / "image.png")
    found = re.search(r"```python\n(.*?)```", (checkpoint / "README.md").read_text(encoding="utf-8"), re.S)
    assert found
    code = "import sys; sys.modules['torchvision'] = None\n" + found[1].replace("this directory", str(checkpoint))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n")
