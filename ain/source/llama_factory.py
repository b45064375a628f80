"""Read LLaMA-Factory's `dataset_info.json`: which files of a folder are data, and what their columns are called."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ain import UserError
from ain.runtime.console import log

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
        question = f"{asked}\n{more}" if isinstance(asked, str) and more else asked
        history = row.get(self.columns.get("history", "")) or []
        pairs = [pair for pair in history if isinstance(pair, list) and len(pair) == 2] + [[question, answer]]
        return [{"role": role, "content": one} for pair in pairs for role, one in zip(_TAGS, pair, strict=False)]

    def media(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the row's images and videos under our keys, where the entry names their columns."""
        return {key: row.get(self.columns[key]) for key in ("images", "videos") if key in self.columns}


def layouts(directory: Path) -> dict[Path, Layout]:
    """Return file → layout for the files that the folder's `dataset_info.json` lists, if it has one."""
    info = directory / INFO
    if not info.is_file():
        return {}
    try:
        entries = json.loads(info.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{info}: broken JSON ({error}); correct the file and run the same command again") from None
    found: dict[Path, Layout] = {}
    missing = []
    for entry in entries.values() if isinstance(entries, dict) else ():
        if not isinstance(entry, dict) or not entry.get("file_name"):
            continue  # of a hub
        if not (directory / entry["file_name"]).is_file():
            missing.append(entry["file_name"])
            continue
        layout = Layout(entry.get("formatting", "alpaca"), entry.get("columns") or {}, entry.get("tags") or {})
        found.setdefault(directory / entry["file_name"], layout)
    if missing:
        log.info(f"{info}: {len(missing)} of its files are not in the folder and are left out, such as {missing[0]}")
    return found
