"""Answers made elsewhere, read from a JSONL file: {"key" or "id", "text"}, optionally with finish and token counts."""

import json
from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ain import UserError
from ain.chat import LanguageModel, Reply, Request, Take
from ain.chat.cost import Budget
from ain.storage.digests import digest
from ain.storage.files import open_regular

_LINE = 10_000_000  # characters; a longer line is no answer, and is refused in pieces
_FINISH = ("stop", "length", "refusal", "content_filter")


class AnswersFile(LanguageModel):
    """Looks up each request by its key, then by its id. A request that is not in the file counts as unanswered.

    Args:
        path: the JSONL file of answers.
        requests: file to write unanswered requests to, as JSON lines of {key, id, messages, max_tokens, schema}, for
            another program to answer.
    """

    in_ledger = False  # so that a corrected file takes effect at once

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
        self._written: set[str] = set()  # keys of requests written so far

    @property
    def identity(self) -> list[Any]:
        return ["answers"]  # independent of the file's content, so that keys stay valid when answers are added

    def digest(self) -> str:
        if not self.path.exists():
            return "no file"
        return digest("".join(line for _, line in self._lines()))

    @cached_property
    def _answers(self) -> dict[str, Reply]:
        """The replies, by key and by id."""
        found: dict[str, Reply] = {}
        if not self.path.exists():
            return found
        for number, line in self._lines():
            if line.strip():
                found |= self._read(line, number)
        return found

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Yield (number, line). Raise UserError for a file that cannot be read as text."""
        try:
            with open_regular(self.path) as file, TextIOWrapper(file, encoding="utf-8") as lines:
                yield from enumerate(iter(partial(lines.readline, _LINE), ""), 1)
        except UnicodeDecodeError as error:
            raise UserError(f"{self.path}: not in UTF-8 ({error.reason}); save it as UTF-8") from None
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror})") from None

    def _read(self, line: str, number: int) -> dict[str, Reply]:
        try:
            row = json.loads(line)
            names = [row[name] for name in ("key", "id") if row.get(name)]
            finish = row.get("finish", "stop")
            counts = [int(row.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")]
            if not names or not isinstance(row["text"], str) or finish not in _FINISH:
                raise ValueError
            row["text"].encode()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
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
