"""Files in a directory of batches: the requests of each in `<name>.jsonl`, its state in `<name>.json`."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ain.chat import Request
from ain.storage.damage import Damaged
from ain.storage.files import replace_text

State = dict[str, Any]


class BatchFiles:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def all(self) -> list[Path]:
        return sorted(self.directory.glob("*.jsonl"))

    def unfinished(self) -> list[Path]:
        return [path for path in self.all() if self.state(path)["step"] != "done"]

    def sent(self) -> bool:
        """Return whether any batch was sent whose answers were not fetched."""
        return any(self.state(path)["step"] in ("uploaded", "created") for path in self.all())

    def answered(self) -> bool:
        """Return whether any request of any batch was answered."""
        return any(self.state(path).get("answered") for path in self.all())

    def write(self, path: Path, requests: Iterable[Request]) -> None:
        replace_text(path, "".join(json.dumps(asdict(request), ensure_ascii=False) + "\n" for request in requests))

    def requests(self, path: Path, whole: bool = False) -> Iterator[Request]:
        """Yield the requests of a planned batch, without their messages unless `whole` is set."""
        with open(path, encoding="utf-8") as file:
            for line in file:
                request = json.loads(line)
                yield Request(**request if whole else {**request, "messages": []})

    def state(self, path: Path) -> State:
        state = path.with_suffix(".json")
        try:
            return json.loads(state.read_bytes()) if state.exists() else {"step": "planned"}
        except ValueError:
            remedy = (
                f"the batch may have been paid for: put back a copy, or delete it and {path} to send its requests again"
            )
            raise Damaged(state, "no JSON", remedy) from None

    def note(self, path: Path, state: State) -> State:
        replace_text(path.with_suffix(".json"), json.dumps(state, indent=2))
        return state
