"""Runs tasks one by one, each in a process of its tool, and keeps what they made."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ain.harness.rows import FAILED, Found, read
from ain.harness.tools import Asked, Server, Tool
from ain.runtime.console import log
from ain.runtime.printable import one_line
from ain.storage.digests import digest, folder_digest
from ain.storage.files import replace_text
from ain.storage.locks import lock

__all__ = ["Asked", "Server", "TaskRun", "run"]
_DONE = "task.json"  # written last
_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")  # would bring our packages into the tool's process


@dataclass(frozen=True)
class TaskRun:
    """What one task made. error: why there are no results, in one line; then there are no rows either.

    versions: of the task, or of each task of a group; a fingerprint needs them together with `tool`. asked: the number of
    questions, and so of rows, of each.
    """

    task: str
    tool: list[str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    error: str | None = None


def run(
    tool: Tool,
    python: Path,
    tasks: list[str],
    server: Server,
    identity: Any,
    out: Path,
    asked: Asked = Asked(),  # noqa: B008  frozen
    offline: bool = False,
) -> list[TaskRun]:
    """Run the tasks; one that fails or does not exist has an error, and the others go on.

    Args:
        python: of the tool's environment.
        identity: of the model and its answers, such as `LanguageModel.identity`, which holds the digest of the weights:
            results are found again by it, never by a path or an address.
        out: where results are kept; a task that is there already is read and not run again.
        offline: use no network (HF_HUB_OFFLINE).
    """
    included = folder_digest(asked.include) if asked.include else None
    made = []
    for number, task in enumerate(tasks, 1):
        key = [tool.identity, task, identity, asked.limit, asked.shots, asked.chat, included]
        directory = out / f"{_file_name(task)}-{digest(key)}"
        with lock(directory, doing=f"running {task}"):
            if not (directory / _DONE).exists():
                log.info(f"{tool.name}: {task} ({number} of {len(tasks)})")
                command = tool.command(python.absolute(), task, server, asked, (directory / "out").absolute())
                if error := _work(command, directory, offline):
                    log.info(f"{tool.name}: {task} failed: {error} ({directory / 'log.txt'})")
                    made.append(TaskRun(task, tool.identity, error=error))
                    continue
            found = json.loads((directory / _DONE).read_text(encoding="utf-8"))
        made.append(TaskRun(task, tool.identity, **found))
    return made


def _work(command: list[str], directory: Path, offline: bool) -> str | None:
    """Run the command and keep what it found. Return why it failed, or None."""
    shutil.rmtree(directory / "out", ignore_errors=True)
    with open(directory / "log.txt", "w", encoding="utf-8") as written:
        done = subprocess.run(
            command,
            cwd=directory,
            env=_environment(offline),
            stdout=written,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    found = read(directory / "out")
    if done.returncode or found is None:
        return _reason(directory / "log.txt")
    if error := _incomplete(found):
        return error
    replace_text(directory / _DONE, json.dumps(vars(found), ensure_ascii=False))
    return None


def _incomplete(found: Found) -> str | None:
    """Return why results do not count. Answers that are error messages would be scored as wrong answers."""
    failed = [row["answer"] for row in found.rows if row["answer"].startswith(FAILED)]
    if failed:
        return f"{len(failed)} of {len(found.rows)} questions got no answer: {one_line(failed[0])[:200]}"
    written = Counter(row["task"] for row in found.rows)
    lacking = [f"{task} ({written[task]} of {count})" for task, count in found.asked.items() if written[task] != count]
    if lacking:
        return f"questions are missing from its samples: {', '.join(lacking)}"
    return None if found.rows else "it asked no question"


def _environment(offline: bool) -> dict[str, str]:
    """Return our environment without what would bring our packages or a GPU into the tool's process."""
    made = {name: value for name, value in os.environ.items() if name not in _OURS}
    made |= {"CUDA_VISIBLE_DEVICES": "", "WANDB_MODE": "disabled", "TOKENIZERS_PARALLELISM": "false"}
    return made | (dict.fromkeys(_OFFLINE, "1") if offline else {})


def _reason(file: Path) -> str:
    """Return the line of a log that says best what went wrong: the last exception, else the last line."""
    lines = [one_line(line) for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line)]
    return (raised or lines or ["no message"])[-1][:300]


def _file_name(task: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in task)[:80]
