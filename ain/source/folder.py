"""Read your own data: a directory of images with JSON or JSONL in LLaVA's format or LLaMA-Factory's messages format."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ain import UserError
from ain.runtime.console import log
from ain.runtime.ranges import AboveZero, Positive
from ain.source import Found, Source, json_rows
from ain.source.image_files import Files
from ain.source.json_rows import Malformed
from ain.source.llama_factory import INFO, Layout, layouts
from ain.source.parts import shown
from ain.source.row import Limits, Pixels, converted, name_of
from ain.storage.digests import folder_digest
from ain.storage.images import MAX_PIXELS, BadImage
from ain.storage.record import readable
from ain.text.languages import LanguageChoice

FORMATS = {"llava": "conversations", "messages": "messages"}


class Item(NamedTuple):
    """A row as its file holds it, where it is, and the layout that `dataset_info.json` gives for it."""

    row: bytes | Malformed
    where: str
    layout: Layout | None


class Folder(Source):
    """path: the directory. format: llava, messages, or auto (row by row). limit: stop after this many rows. language:
    that of rows without `language`; auto guesses it from the script. outside: also read files outside the directory. max_*:
    of a row in its file, of an image's file, of an image, of a row's texts together, of a row's images.
    """

    def __init__(
        self,
        path: str,
        format: Literal["auto", "llava", "messages"] = "auto",
        limit: Positive | None = None,
        domain: str = "general",
        language: LanguageChoice = "auto",
        outside: bool = False,
        max_line_mb: AboveZero = 10,
        max_image_mb: AboveZero = 50,
        max_pixels: Pixels = MAX_PIXELS,
        max_chars: Positive = 50_000,
        max_images: Positive = 1_000,
    ) -> None:
        self.path = Path(path).expanduser()
        self.format = format
        self.limit = limit
        self.domain = domain
        self.language = language
        self.max_line_mb, self.max_pixels = max_line_mb, max_pixels
        self.files = Files(self.path, outside, max_image_mb)
        self.limits = Limits(max_chars, max_images)

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

    def size(self, item: Item) -> int:
        return len(item.row) if isinstance(item.row, bytes) else 0

    def _all(self) -> Iterator[Item]:
        known = layouts(self._directory())
        with os.scandir(self.path) as entries:  # of which there may be millions, most of them images
            own = {
                one.name for one in entries if os.path.splitext(one.name)[1] in (".json", ".jsonl") and one.name != INFO
            }
        names = sorted(own | set(known), key=lambda name: name.split(os.sep))
        if not names:
            raise UserError(f"{self.path}: no .json or .jsonl file in it; expected LLaVA's or LLaMA-Factory's format")
        for name in names:
            for number, row in enumerate(self._rows(name), 1):
                where = f"{readable(name)}, row {number}"
                if isinstance(row, Malformed) and row.ends:
                    log.info(f"collect: {where}: {row.reason}")
                yield Item(row, where, known.get(name))

    def _rows(self, name: str) -> Iterator[bytes | Malformed]:
        """Yield the rows of a file; of one that cannot be opened, the reason."""
        try:
            with self.files.open(name) as file:
                yield from json_rows.rows(file, self.max_line_mb, name.endswith(".jsonl"))
        except BadImage as error:
            yield Malformed(str(error), ends=True)
        except OSError as error:
            yield Malformed(f"file cannot be read: {error.strerror}", ends=True)

    def found(self, item: Item) -> Found:
        try:
            if isinstance(item.row, Malformed):
                raise item.row
            row = json_rows.parsed(item.row)
        except Malformed as error:
            return Found(item.where, {"id": None}, reasons=[error.reason])
        if not isinstance(row, dict):
            return Found(item.where, {"id": None}, reasons=[f"no object: {shown(row)}"])
        return self._converted(row, item.where, item.layout)

    def _converted(self, row: dict[str, Any], where: str, layout: Layout | None) -> Found:
        if layout:
            row, messages = row | layout.media(row), layout.messages(row)
        else:
            keys = list(FORMATS.values()) if self.format == "auto" else [FORMATS[self.format]]
            key = next((key for key in keys if key in row), None)
            if key is None:
                reason = f"none of the expected keys: {', '.join(keys)}"
                return Found(where, {"id": name_of(row.get("id"), where)[0]}, reasons=[reason])
            messages = row[key]
        return converted(row, messages, where, self.language, self.domain, self._read, self.limits)

    def _read(self, name: Any) -> bytes:
        if isinstance(name, dict):
            raise ValueError(shown(name))
        return self.files.image(name)
