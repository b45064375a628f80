"""Reads what the tools write: one row for each question, and the numbers and versions of each task."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FAILED = "[LMMS_EVAL_REQUEST_FAILED"  # how lmms-eval begins the answer to a request that failed
_GIVEN = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "input"}
_GIVEN |= {"doc_hash", "prompt_hash", "target_hash", "token_counts", "input_media"}

Row = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """rows: task, id, question, label, answer, scores {metric: number}, details {metric: other values}.

    metrics: task or group → metric → number; versions: task → version; asked: task → number of questions that it asked.
    """

    rows: list[Row]
    metrics: dict[str, dict[str, float]]
    versions: dict[str, str]
    asked: dict[str, int]


def read(directory: Path) -> Found | None:
    """Return what a run left below the directory, or None if it did not come to its results."""
    results = sorted(directory.rglob("*results*.json"))
    if not results:
        return None
    whole = json.loads(results[-1].read_text(encoding="utf-8"))
    names = list(whole.get("configs") or whole["results"])
    rows: list[Row] = []
    for file in sorted(directory.rglob("*samples_*.jsonl")):
        with open(file, encoding="utf-8") as lines:
            rows += merged(_task(file.stem, names), [json.loads(line) for line in lines if line.strip()])
    metrics = {
        task: {_plain(name): value for name, value in numbers.items() if _is_number(value) and name != "sample_len"}
        for task, numbers in whole["results"].items()
    }
    asked = {task: int(counts["effective"]) for task, counts in whole["n-samples"].items()}
    return Found(rows, metrics, {task: str(version) for task, version in whole["versions"].items()}, asked)


def merged(task: str, samples: list[Row]) -> list[Row]:
    """Return one row for each question. A task with several filters has a sample for each of them."""
    filters = {sample.get("filter", "none") for sample in samples}
    rows: dict[Any, Row] = {}
    for sample in samples:
        named = f",{sample['filter']}" if len(filters) > 1 else ""
        row = rows.setdefault(sample["doc_id"], {"task": task, "id": str(sample["doc_id"]), **_asked(sample)})
        for name, value in sample.items():
            if name not in _GIVEN:
                row["scores" if _is_number(value) else "details"][name + named] = value
    return list(rows.values())


def _asked(sample: Row) -> Row:
    """Return question, label and answer. Of options that were scored, the answer is the likeliest one."""
    arguments = _arguments(sample)
    label, answer, raw = sample.get("target"), _first(sample.get("filtered_resps")), _first(sample.get("resps"))
    if isinstance(raw, str) and raw.startswith(FAILED):  # a filter may have made something else of it
        answer = raw
    if len(options := _options(arguments)) > 1:
        logprobs = [float(_first(each)) for each in sample["filtered_resps"][: len(options)]]
        answer = options[logprobs.index(max(logprobs))]
        place = int(str(label)) if str(label).isdecimal() else -1
        label = options[place] if 0 <= place < len(options) else label
    question = arguments[0][0] if arguments else sample.get("input")
    return {"question": _text(question), "label": _text(label), "answer": _text(answer), "scores": {}, "details": {}}


def _options(arguments: list[list[Any]]) -> list[str]:
    """Return the continuations of the first context, or the contexts if it has one continuation alone.

    Behind them may stand the same continuations of an empty context, which some metrics divide by.
    """
    scored = [each for each in arguments if len(each) > 1 and isinstance(each[1], str)]
    options = [each[1] for each in scored if each[0] == scored[0][0]]
    return options if len(options) > 1 else [each[0] for each in scored]


def _arguments(sample: Row) -> list[list[Any]]:
    """Return the arguments of a question's requests: (context, continuation) or (context, settings of generation)."""
    given = sample.get("arguments") or []
    several = given.values() if isinstance(given, dict) else given
    return [list(each.values()) if isinstance(each, dict) else list(each) for each in several]


def _first(value: Any) -> Any:
    """Return the innermost first value of lists: requests, repeats and pairs are nested."""
    while isinstance(value, list) and value:
        value = value[0]
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(name: str) -> str:
    return name.removesuffix(",none")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _task(stem: str, names: list[str]) -> str:
    """Return the task of a file: samples_TASK_DATE in lm-eval, DATE_samples_TASK in lmms-eval."""
    rest = stem.partition("samples_")[2]
    return max((name for name in names if rest == name or rest.startswith(f"{name}_")), key=len, default=rest)
