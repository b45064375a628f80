"""Read your own data: a directory of images with JSON or JSONL in LLaVA's format or LLaMA-Factory's messages format."""

import codecs
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ain import UserError
from ain.runtime.ranges import Positive
from ain.source import Found, Source
from ain.source.llama_factory import INFO, Layout, layouts
from ain.source.row import converted, name_of
from ain.storage.digests import folder_digest
from ain.text.languages import LanguageChoice

FORMATS = {"llava": "conversations", "messages": "messages"}


class Item(NamedTuple):
    """A row as its file holds it, where it is, and the layout that `dataset_info.json` gives for it."""

    row: Any
    where: str
    layout: Layout | None


class Folder(Source):
    """path: the directory. format: llava, messages, or auto (row by row). limit: stop after this many rows. language:
    that of rows without `language`; auto guesses it from the script.
    """

    def __init__(
        self,
        path: str,
        format: Literal["auto", "llava", "messages"] = "auto",
        limit: Positive | None = None,
        domain: str = "general",
        language: LanguageChoice = "auto",
    ) -> None:
        self.path = Path(path).expanduser()
        self.format = format
        self.limit = limit
        self.domain = domain
        self.language = language

    def digest(self) -> str:
        return folder_digest(self._directory())

    def _directory(self) -> Path:
        if not self.path.is_dir():
            raise UserError(
                f"source.path={self.path}: no such directory; give one with images and a .json or .jsonl file"
            )
        return self.path

    def items(self) -> Iterator[Item]:
        return islice(self._all(), self.limit)

    def _all(self) -> Iterator[Item]:
        known = layouts(self._directory())
        own = {path for path in self.path.iterdir() if path.suffix in (".json", ".jsonl") and path.name != INFO}
        files = sorted(own | set(known))
        if not files:
            raise UserError(f"{self.path}: no .json or .jsonl file in it; expected LLaVA's or LLaMA-Factory's format")
        for file in files:
            for number, row in enumerate(_objects(file), 1):
                yield Item(row, f"{file.relative_to(self.path)}, row {number}", known.get(file))

    def found(self, item: Item) -> Found:
        row, where, layout = item
        if not isinstance(row, dict):
            reason = row.reason if isinstance(row, Malformed) else f"no object: {str(row)[:40]}"
            return Found(where, {"id": None}, reasons=[reason])
        if layout:
            row, messages = row | layout.media(row), layout.messages(row)
        else:
            keys = list(FORMATS.values()) if self.format == "auto" else [FORMATS[self.format]]
            key = next((key for key in keys if key in row), None)
            if key is None:
                reason = f"none of the expected keys: {', '.join(keys)}"
                return Found(where, {"id": name_of(row.get("id"), where)}, reasons=[reason])
            messages = row[key]
        return converted(row, messages, where, self.language, self.domain, self._read)

    def _read(self, name: Any) -> bytes:
        if isinstance(name, dict):
            raise ValueError(str(name)[:40])
        return (self.path / name).read_bytes()


class Malformed:
    """A line that is not valid JSON, in a file of JSON lines."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _objects(file: Path) -> Iterator[Any]:
    """Yield the rows of a file, with one in memory at a time."""
    with open(file, "rb") as opened:
        head = opened.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if head == b"[":
        yield from _array(file)
    elif head == b"{":
        yield from _lines(file)
    else:
        raise UserError(f"{file}: no JSON; expected a list of objects, or one object a line")


def _array(file: Path) -> Iterator[Any]:
    import ijson

    with open(file, "rb") as opened:
        if opened.read(3) != codecs.BOM_UTF8:
            opened.seek(0)
        try:
            yield from ijson.items(opened, "item", use_float=True)
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise UserError(
                f"{file}: broken JSON ({str(error).splitlines()[0]}); correct the file and run the same command again"
            ) from None


def _lines(file: Path) -> Iterator[Any]:
    with open(file, encoding="utf-8-sig", errors="replace") as opened:
        for number, line in enumerate(opened, 1):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                if number == 1:
                    raise UserError(
                        f"{file}: no JSON in its first line ({error.msg}); expected a list of objects, or one object a line"
                    ) from None
                yield Malformed(f"malformed JSON: {error.msg}")
