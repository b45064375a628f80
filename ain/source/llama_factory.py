"""Read LLaMA-Factory's `dataset_info.json`: which files of a folder are data, and what their columns are called."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ain import UserError
from ain.runtime.console import log
from ain.storage.files import given_text
from ain.storage.record import readable

INFO = "dataset_info.json"
_TAGS = {  # our role → its tag, and LLaMA-Factory's default for it
    "user": ("user_tag", "human"),
    "assistant": ("assistant_tag", "gpt"),
    "system": ("system_tag", "system"),
}


@dataclass(frozen=True)
class Layout:
    """One entry: formatting sharegpt (messages) or alpaca (instruction, input, output); column and tag names."""

    formatting: str
    columns: dict[str, str]
    tags: dict[str, str]

    def messages(self, row: dict[str, Any]) -> Any:
        """Return the row's conversation as {"role", "content"} messages."""
        system = row.get(self.columns.get("system", ""))
        before = [{"role": "system", "content": system}] if system else []
        if self.formatting == "alpaca":
            return before + self._alpaca(row)
        spoken = row.get(self.columns.get("messages", "conversations"))
        return before + [self._message(one) for one in spoken] if isinstance(spoken, list) else spoken

    def _message(self, message: Any) -> Any:
        if not isinstance(message, dict):
            return message
        roles = {self.tags.get(tag, default): role for role, (tag, default) in _TAGS.items()}
        role = message.get(self.tags.get("role_tag", "from"))
        known = roles.get(role, role) if isinstance(role, str) else role
        return {"role": known, "content": message.get(self.tags.get("content_tag", "value"))}

    def _alpaca(self, row: dict[str, Any]) -> list[Any]:
        asked, more, answer = (
            row.get(self.columns.get(key, default))
            for key, default in (("prompt", "instruction"), ("query", "input"), ("response", "output"))
        )
        if more is not None and not isinstance(more, str | int | float):
            asked = more  # which is no text, and rejected as that
        question = f"{asked}\n{more}" if isinstance(asked, str) and more else asked
        history = row.get(self.columns.get("history", "")) or []
        made: list[Any] = []
        for pair in [*(history if isinstance(history, list) else [history]), [question, answer]]:
            whole = isinstance(pair, list) and len(pair) == 2
            made += [{"role": role, "content": one} for role, one in zip(_TAGS, pair)] if whole else [pair]  # noqa: B905
        return made

    def media(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the row's images and videos under our keys, where the entry names their columns."""
        return {key: row.get(self.columns[key]) for key in ("images", "videos") if key in self.columns}


def layouts(directory: Path) -> dict[str, Layout]:
    """Return path from the folder → layout for the files that its `dataset_info.json` lists, if it has one."""
    info = directory / INFO
    if not info.exists():
        return {}
    try:
        entries = json.loads(given_text(info))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{info}: broken JSON ({error}); correct the file and run the same command again") from None
    if not isinstance(entries, dict):
        raise UserError(f"{info}: expected an object with an entry for each data set")
    found: dict[str, Layout] = {}
    missing = []
    for name, entry in entries.items():
        if not isinstance(entry, dict) or not entry.get("file_name"):
            continue  # of a hub
        layout = _layout(entry, f"{info}: {readable(name)}")
        if os.path.isfile(os.path.join(directory, entry["file_name"])):
            found.setdefault(str(Path(entry["file_name"])), layout)
        else:
            missing.append(readable(entry["file_name"]))
    if missing:
        log.info(f"{info}: {len(missing)} of its files are not in the folder and are left out, such as {missing[0]}")
    return found


def _layout(entry: dict[str, Any], where: str) -> Layout:
    columns, tags = entry.get("columns") or {}, entry.get("tags") or {}
    formatting = entry.get("formatting", "alpaca")
    if formatting not in ("alpaca", "sharegpt"):
        raise UserError(f"{where}: formatting: choose alpaca or sharegpt")
    if not isinstance(entry["file_name"], str):
        raise UserError(f"{where}: file_name: expected text")
    for key, names in (("columns", columns), ("tags", tags)):
        if not isinstance(names, dict) or not all(isinstance(one, str) for one in names.values()):
            raise UserError(f"{where}: {key}: expected an object of names")
    return Layout(formatting, columns, tags)
