"""Answers made elsewhere: a JSON line for each, {"key" or "id", "text"} and, where known, finish and token counts."""

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ain import UserError
from ain.chat import LanguageModel, Reply, Request, Take
from ain.chat.cost import Budget
from ain.storage.digests import digest

_FINISH = ("stop", "length", "refusal", "content_filter")


class AnswersFile(LanguageModel):
    """path: the JSONL file of answers. A request is looked up by its key, then by its id; one that the file does not answer
    counts as unanswered. requests: where to write what it does not answer, as JSON lines of {key, id, messages, max_tokens,
    schema}, so that another program can answer it.
    """

    in_ledger = False  # a corrected file counts at once

    def __init__(
        self,
        path: Annotated[str, Field(min_length=1)],
        max_new_tokens: Annotated[int, Field(gt=0)] = 256,
        requests: str | None = None,
        skip_unanswered: bool = False,
        where: str = "model",
    ) -> None:
        self.path, self.max_new_tokens, self.requests = Path(path), max_new_tokens, Path(requests) if requests else None
        self.skip_unanswered, self.where = skip_unanswered, where
        self._written: set[str] = set()  # keys in the file of requests

    @property
    def identity(self) -> list[Any]:
        return ["answers"]  # whatever the file holds, so that keys written today find their answers tomorrow

    def digest(self) -> str:
        return digest(self.path.read_text(encoding="utf-8")) if self.path.exists() else "no file"

    @cached_property
    def _answers(self) -> dict[str, Reply]:
        """By key and by id."""
        found: dict[str, Reply] = {}
        if not self.path.exists():
            return found
        with open(self.path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    found |= self._read(line, number)
        return found

    def _read(self, line: str, number: int) -> dict[str, Reply]:
        try:
            row = json.loads(line)
            names = [row[name] for name in ("key", "id") if row.get(name)]
            finish = row.get("finish", "stop")
            counts = [int(row.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")]
            if not names or not isinstance(row["text"], str) or finish not in _FINISH:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f'{self.path}, line {number}: expected {{"key": ..., "text": ...}} or {{"id": ..., "text": ...}}; a "finish" '
                f"is one of {', '.join(_FINISH)}"
            ) from None
        return dict.fromkeys(map(str, names), Reply(row["text"], finish, *counts))

    def generate(
        self,
        requests: Iterable[Request],
        take: Take,
        directory: Path,
        *,
        engine: Any = None,
        budget: Budget | None = None,
    ) -> None:
        for request in requests:
            reply = self._answers.get(request.key) or (self._answers.get(request.id) if request.id else None)
            if reply is None and self.requests and request.key not in self._written:
                self._write(request, self.requests)
            take(request, reply or Reply(self._missing(), "unanswered"))

    def _write(self, request: Request, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a" if self._written else "w", encoding="utf-8") as file:
            file.write(_line(request))
        self._written.add(request.key)

    def _missing(self) -> str:
        written = (
            f"; see {self.requests}" if self.requests else f"; {self.where}.how.requests=FILE writes what to answer"
        )
        return f"not in {self.path}{written}"


def _line(request: Request) -> str:
    names = ("key", "id", "messages", "max_tokens", "schema")
    return json.dumps({name: getattr(request, name) for name in names}, ensure_ascii=False) + "\n"
