"""Files that people write, beside their data: what is wrong in them is said in one sentence."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir

from ain import UserError
from ain.chat.answers_file import AnswersFile
from ain.pipeline import choices
from ain.pipeline.build import plain
from ain.pipeline.errors import sentence
from ain.pipeline.needs import read_experiment
from ain.pipeline.values import checked
from ain.review.overrides import Overrides
from ain.runtime.paths import CONF
from ain.screener.policy import categories
from ain.source.folder import Folder


@pytest.mark.parametrize(
    "data", [b"\xe9,", b"[" * 100_000, b'{"id": "\\ud83d", "verdict": "accept"}', b'{"id": ' + b"7" * 5_000 + b"}"]
)
def test_other_files_of_a_person_end_in_a_sentence(tmp_path: Path, data: bytes) -> None:
    for name in ("a.csv", "a.jsonl", "a.xlsx", "dataset_info.json"):
        (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "wait.csv")
    for name in ("a.csv", "a.jsonl", "a.xlsx", "wait.csv"):
        with pytest.raises(UserError):
            Overrides(str(tmp_path / name)).digest()
    with pytest.raises(UserError):
        AnswersFile(str(tmp_path / "a.jsonl"))._answers  # noqa: B018
    if b"verdict" not in data:  # which is an entry like any other
        with pytest.raises(UserError, match=r"dataset_info\.json"):
            list(Folder(str(tmp_path)).items())


@pytest.mark.parametrize("entry", [{"columns": [1]}, {"tags": {"role_tag": [1]}}, {"formatting": []}, {"file_name": 5}])
def test_an_entry_of_dataset_info_with_wrong_types(tmp_path: Path, entry: dict[str, Any]) -> None:
    (tmp_path / "dataset_info.json").write_text(json.dumps({"mine": {"file_name": "data.json", **entry}}))
    with pytest.raises(UserError, match=f"mine: {next(iter(entry))}"):
        list(Folder(str(tmp_path)).items())


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("policy.opening=5", "screener.policy.opening=5: expected text"),
        ("policy.categories.O1.name=[1]", "screener.policy.categories.O1.name=[1]: expected text"),
        ("policy.categories.O1.forbidden=x", "screener.policy.categories.O1.forbidden=x: expected a list"),
        ("policy.categories.O1.allowed=[{a: 1}]", "screener.policy.categories.O1.allowed="),
        ("~policy.repair", "screener.policy.repair has no value"),
        ("screener.wording.layout=5", "screener.wording.layout=5: expected settings of its own"),
        ("prompt.system=[1]", "translator.prompt.system=[1]: expected text"),
        ("~prompt.user", "translator.prompt.user has no value"),
        ("prompt.faults.json=5", "translator.prompt.faults.json=5: expected text"),
        ("probe.kinds=drift", "probe.kinds=drift: expected a list"),
        ("probe.good=[1]", "probe.good=[1]: expected a whole number"),
    ],
)  # fmt: skip
def test_a_policy_a_prompt_and_a_probe_of_wrong_types(word: str, said: str) -> None:
    groups = ["screener=llavaguard", "translator=openai_compatible", "translator.model=test"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", [*groups, word])
    group = said.partition(".")[0]
    values = plain(cfg, group)
    with pytest.raises(UserError, match=re.escape(said)):
        checked(group, values)


def test_a_policy_without_categories_is_refused() -> None:
    for policy in (None, {"categories": {"O1": None}}):
        with pytest.raises(UserError, match="policy: it has no category"):
            categories(policy)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "policy/own.yaml, line 1: broken YAML"),
        ("a: 1\n\tb: 2", "policy/own.yaml, line 2: broken YAML (found character '\\t' that cannot start any token)"),
        ("a: 'x\x00'", "policy/own.yaml: broken YAML (unacceptable character #x0000"),
        ("5", "a file in conf/ holds one int: expected keys with values"),
    ],
)
def test_a_config_file_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "own.yaml").write_text(text)
    (tmp_path / "config.yaml").write_text("defaults: [{policy: own}]")
    with initialize_config_dir(str(tmp_path), version_base="1.3"), pytest.raises((OSError, yaml.YAMLError)) as found:
        compose("config")
    assert said in str(sentence(found.value))  # type: ignore[arg-type]


def test_files_that_are_not_in_utf8_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes("a: é".encode("latin-1"))
    monkeypatch.setattr(choices, "CONF", tmp_path)
    with initialize_config_dir(str(tmp_path), version_base="1.3"), pytest.raises(UnicodeDecodeError) as found:
        compose("config")
    assert sentence(found.value) == f"{file}: not in UTF-8; save it as UTF-8"
    with pytest.raises(UserError, match=r"config\.yaml: not in UTF-8 \(byte 4\); save it as UTF-8"):
        read_experiment(file)


def test_a_broken_experiment_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("seed: 1\nsource: [vqa\n")
    with pytest.raises(UserError, match=r"mine\.yaml, line 3: broken YAML \(expected ',' or '\]'.*; correct the file"):
        read_experiment(file)
