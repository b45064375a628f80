"""Reading what lm-eval and lmms-eval write, and running a tool's process: its failures, and results that are kept.

The samples and results are of real runs (tests/test_harness_tools.py), shortened.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ain import UserError
from ain.harness import LM_EVAL, LMMS_EVAL, Asked, Server, run
from ain.harness.rows import FAILED, merged, read

CHOICE: dict[str, Any] = {
    "doc_id": 1,
    "doc": {"question": "How many?", "options": ["one", "two", "ثلاث"], "answer": 2},
    "target": "2",
    "arguments": {
        "gen_args_0": {"arg_0": "How many?", "arg_1": " one"},
        "gen_args_1": {"arg_0": "How many?", "arg_1": " two"},
        "gen_args_2": {"arg_0": "How many?", "arg_1": " ثلاث"},
    },
    "resps": [[["-21.5", "False"]], [["-18.25", "False"]], [["-30.0", "False"]]],
    "filtered_resps": [["-21.5", "False"], ["-18.25", "False"], ["-30.0", "False"]],
    "filter": "none",
    "metrics": ["acc", "acc_norm"],
    "doc_hash": "a",
    "prompt_hash": "b",
    "target_hash": "c",
    "acc": 0.0,
    "acc_norm": 1.0,
}
GENERATED: dict[str, Any] = {
    "doc_id": 0,
    "doc": {"question": "2 + 2?"},
    "target": "4",
    "arguments": {"gen_args_0": {"arg_0": "2 + 2?", "arg_1": {"until": ["\n"], "max_gen_toks": 8}}},
    "resps": [["The answer is 4."]],
    "filtered_resps": ["4"],
    "filter": "strict",
    "metrics": ["exact_match"],
    "exact_match": 1.0,
}
LOOKED: dict[str, Any] = {
    "doc_id": 0,
    "target": "أحمر",
    "filtered_resps": "أزرق",
    "token_counts": [{"input_tokens": 8, "output_tokens": 4, "reasoning_tokens": 0}],
    "doc_hash": "a",
    "exact_match": 0.0,
    "mme_score": {"question_id": "0", "category": "colour", "score": 0.0},
    "input": "ما لونه؟",
}


def written(directory: Path, tool: str, task: str, samples: list[dict[str, Any]], count: int) -> Path:
    """Write results and samples as the tool names them."""
    directory.mkdir(parents=True)
    results = {
        "results": {task: {"alias": task, "acc,none": 0.5, "acc_stderr,none": 0.1, "name": task}},
        "configs": {task: {}},
        "versions": {task: 1.5},
        "n-samples": {task: {"original": 9, "effective": count}},
    }
    lm = tool == "lm_eval"
    names = ("results_2026-11-26.json", f"samples_{task}_2026-11-26.jsonl")
    if not lm:
        names = ("20261126_results.json", f"20261126_samples_{task}.jsonl")
    (directory / names[0]).write_text(json.dumps(results), encoding="utf-8")
    lines = (json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples)
    (directory / names[1]).write_text("".join(lines), encoding="utf-8")
    return directory


def test_the_likeliest_option_is_the_answer() -> None:
    (row,) = merged("choice", [CHOICE])
    assert (row["task"], row["id"], row["question"]) == ("choice", "1", "How many?")
    assert (row["label"], row["answer"]) == (" ثلاث", " two")
    assert row["scores"] == {"acc": 0.0, "acc_norm": 1.0}


def test_options_behind_an_empty_context_are_no_options() -> None:
    """acc_mutual_info asks for them too, and they may well be likelier."""
    more = {f"gen_args_{i + 3}": {"arg_0": "", "arg_1": text} for i, text in enumerate((" one", " two", " ثلاث"))}
    likely = [["-1.0", "True"]] * 3
    sample = CHOICE | {"arguments": CHOICE["arguments"] | more, "filtered_resps": CHOICE["filtered_resps"] + likely}
    assert merged("choice", [sample])[0]["answer"] == " two"


def test_contexts_are_the_options_where_they_have_one_continuation() -> None:
    arguments = {f"gen_args_{i}": {"arg_0": text, "arg_1": " is red."} for i, text in enumerate(("The cat", "The car"))}
    sample = CHOICE | {"arguments": arguments, "filtered_resps": [["-5.0", "False"], ["-4.0", "False"]], "target": "0"}
    (row,) = merged("choice", [sample])
    assert (row["label"], row["answer"]) == ("The cat", "The car")


def test_a_question_with_two_filters_is_one_row() -> None:
    loose = GENERATED | {"filter": "loose", "filtered_resps": ["5"], "exact_match": 0.0}
    (row,) = merged("sums", [GENERATED, loose])
    assert row["scores"] == {"exact_match,strict": 1.0, "exact_match,loose": 0.0}
    assert (row["question"], row["label"], row["answer"]) == ("2 + 2?", "4", "4")


@pytest.mark.parametrize("tool", ["lm_eval", "lmms_eval"])
def test_results_are_read_where_each_tool_puts_them(tmp_path: Path, tool: str) -> None:
    sample = CHOICE if tool == "lm_eval" else LOOKED
    found = read(written(tmp_path / "a" / "model", tool, "some_task", [sample], 1).parent)
    assert found
    assert [row["task"] for row in found.rows] == ["some_task"]
    assert (found.metrics, found.versions) == ({"some_task": {"acc": 0.5, "acc_stderr": 0.1}}, {"some_task": "1.5"})
    if tool == "lmms_eval":
        (row,) = found.rows
        assert (row["question"], row["label"], row["answer"]) == ("ما لونه؟", "أحمر", "أزرق")
        assert row["scores"] == {"exact_match": 0.0}
        assert row["details"]["mme_score"]["category"] == "colour"
    assert read(tmp_path / "nothing") is None


def test_what_a_command_asks_for(tmp_path: Path) -> None:
    server = Server("http://127.0.0.1:1/v1", "m", "tokens", 512)
    words = LM_EVAL.command(Path("python"), "t", server, Asked(limit=3, shots=2, include=Path("more")), tmp_path)
    assert " ".join(words).startswith("python -m lm_eval --model local-completions --model_args model=m,base_url=http")
    assert "--apply_chat_template" in words
    for name, value in (
        ("--limit", "3"),
        ("--num_fewshot", "2"),
        ("--include_path", str(Path("more").absolute())),
        ("--tasks", "t"),
    ):
        assert words[words.index(name) + 1] == value
    with pytest.raises(UserError, match="tokenizer"):
        LM_EVAL.command(Path("python"), "t", replace(server, tokenizer=None), Asked(), tmp_path)
    with pytest.raises(UserError, match="comma"):
        LM_EVAL.command(Path("python"), "t", replace(server, tokenizer="a,b"), Asked(), tmp_path)
    with pytest.raises(UserError, match="chat template"):
        LMMS_EVAL.command(Path("python"), "t", server, Asked(chat=False), tmp_path)


STAND_IN = """#!{python}
import json, os, sys
from pathlib import Path

words = sys.argv[1:]
task, out = (words[words.index(name) + 1] for name in ("--tasks", "--output_path"))
with open({counter!r}, "a") as counted:
    counted.write(task + "\\n")
if task == "broken":
    sys.exit("ValueError: Tasks not found: broken")
Path(out).mkdir()
seen = {{"offline": os.environ.get("HF_HUB_OFFLINE"), "path": os.environ.get("PYTHONPATH"), "words": words}}
sample = {{"doc_id": 0, "target": "a", "filtered_resps": ["a"], "input": "?", "acc": 1.0, "seen": seen}}
results = {{"results": {{task: {{"acc,none": 1.0}}}}, "versions": {{task: 1}}, "n-samples": {{task: {{"effective": 1}}}}}}
Path(out, "results_x.json").write_text(json.dumps(results))
Path(out, f"samples_{{task}}_x.jsonl").write_text(json.dumps(sample))
"""


def test_tasks_run_alone_and_are_kept_by_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is one of ours that writes as the tools do. Another digest, limit or task file is another result."""
    stand_in, counter, include = tmp_path / "python", tmp_path / "counter", tmp_path / "tasks"
    stand_in.write_text(STAND_IN.format(python=sys.executable, counter=str(counter)), encoding="utf-8")
    stand_in.chmod(0o755)
    include.mkdir()
    (include / "good.yaml").write_text("task: good", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", "ours")

    def asked(identity: str, limit: int | None = None, url: str = "http://127.0.0.1:1/v1") -> list[Any]:
        server, more = Server(url, "m", "tokens"), Asked(limit=limit, include=include)
        return run(LM_EVAL, stand_in, ["broken", "good"], server, [identity], tmp_path / "out", more, offline=True)

    broken, good = asked("weights")
    assert broken.error == "ValueError: Tasks not found: broken"
    assert (good.error, good.metrics, good.versions) == (None, {"good": {"acc": 1.0}}, {"good": "1"})
    seen = good.rows[0]["details"]["seen"]
    assert (seen["offline"], seen["path"]) == ("1", None)
    assert asked("weights", url="http://127.0.0.1:2/v1")[1] == good
    assert counter.read_text().split() == ["broken", "good", "broken"]  # what failed is tried again
    for change in ({"identity": "trained on"}, {"identity": "weights", "limit": 5}):
        asked(**change)  # type: ignore[arg-type]
    (include / "good.yaml").write_text("task: good, but another", encoding="utf-8")
    asked("weights")
    assert counter.read_text().split().count("good") == 4


def test_failed_requests_and_missing_questions_fail_a_task(tmp_path: Path) -> None:
    from ain.harness.run import _incomplete

    def reason(name: str, samples: list[dict[str, Any]], count: int) -> str | None:
        found = read(written(tmp_path / name, "lmms_eval", "look", samples, count))
        assert found
        return _incomplete(found)

    second = LOOKED | {"doc_id": 1}
    assert reason("whole", [LOOKED, second], 2) is None
    assert reason("short", [LOOKED], 2) == "questions are missing from its samples: look (1 of 2)"
    assert reason("empty", [], 0) == "it asked no question"
    failed = second | {"resps": [f"{FAILED} after 5 retries] no route"], "filtered_resps": "A"}
    assert str(reason("failed", [LOOKED, failed], 2)).startswith("1 of 2 questions got no answer: [LMMS_EVAL")
