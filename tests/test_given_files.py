"""Files that people write, beside their data: what is wrong in them is said in one sentence."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ain import UserError
from ain.chat.answers_file import AnswersFile
from ain.review.overrides import Overrides
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
