"""People's own data: a directory of images with JSON or JSONL in LLaVA's format or in LLaMA-Factory's messages format."""

import codecs
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ain import UserError
from ain.source import Found
from ain.source.conversation import language, turns
from ain.storage.digests import folder_digest
from ain.text.placeholders import IMAGE, VIDEO, placed

FORMATS = {"llava": "conversations", "messages": "messages"}


class Folder:
    """path: the directory; format: llava, messages, or auto (row by row); limit: stop after so many rows."""

    def __init__(self, path: str, format: str = "auto", limit: int | None = None, domain: str = "general") -> None:
        if format not in (*FORMATS, "auto"):
            raise UserError(f"source.format={format}: choose one of auto, {', '.join(FORMATS)}")
        self.path = Path(path).expanduser()
        self.format = format
        self.limit = limit
        self.domain = domain

    def digest(self) -> str:
        return folder_digest(self._directory())

    def _directory(self) -> Path:
        if not self.path.is_dir():
            raise UserError(
                f"source.path={self.path}: no such directory; give one with images and a .json or .jsonl file"
            )
        return self.path

    def rows(self) -> Iterator[Found]:
        files = [
            p
            for p in sorted(self._directory().iterdir())
            if p.suffix in (".json", ".jsonl") and p.name != "dataset_info.json"
        ]
        if not files:
            raise UserError(f"{self.path}: no .json or .jsonl file in it; expected LLaVA's or LLaMA-Factory's format")
        count = 0
        for file in files:
            for number, row in enumerate(_objects(file), 1):
                if count == self.limit:
                    return
                count += 1
                yield self._found(row, f"{file.name}, row {number}")

    def _found(self, row: Any, where: str) -> Found:
        if not isinstance(row, dict):
            reason = row.reason if isinstance(row, Malformed) else f"no object: {str(row)[:40]}"
            return Found(where, {"id": None}, reasons=[reason])
        identifier = name_of(row.get("id"), where)
        formats = FORMATS if self.format == "auto" else {self.format: FORMATS[self.format]}
        key = next((key for key in formats.values() if key in row), None)
        if key is None:
            return Found(
                where, {"id": identifier}, reasons=[f"none of the expected keys: {', '.join(formats.values())}"]
            )
        images = listed(row.get("image")) + listed(row.get("images"))
        videos = listed(row.get("videos"))
        made, reasons = turns(row[key], len(images), len(videos))
        reasons += [
            "a video is a list of images, its frames" for video in videos if not isinstance(video, list) or not video
        ]
        reference, doubts = self._reference(row.get("reference"), made)
        shown = [[image] for image in images] if reasons else _in_order(made, images, videos)
        names = [name for frames in shown for name in frames]
        wrong = [f"image is no path: {str(name)[:40]}" for name in names if not isinstance(name, str) or not name]
        record = {
            "id": identifier,
            "domain": str(row.get("domain") or self.domain),
            "origin": "authentic",
            language(made): made,
            "reference": reference,
            "frames": [len(frames) for frames in shown] if videos else None,
        }
        return Found(where, record, [partial(read, self.path / str(name)) for name in names], reasons + wrong + doubts)

    def _reference(self, messages: Any, made: list[dict[str, str]]) -> tuple[list[dict[str, str]] | None, list[str]]:
        """A trusted Arabic translation, turn by turn, where a row brings one."""
        if messages is None:
            return None, []
        reference, reasons = turns(messages, placed(made).count(IMAGE), placed(made).count(VIDEO))
        if not reasons and len(reference) != len(made):
            reasons = [f"{len(reference)} turns for {len(made)}"]
        return reference, [f"reference: {reason}" for reason in reasons]


def _in_order(made: list[dict[str, str]], images: list[Any], videos: list[Any]) -> list[list[Any]]:
    """The images of each placeholder: one for an image, the frames for a video."""
    waiting = {IMAGE: iter([[image] for image in images]), VIDEO: iter(videos)}
    return [next(waiting[placeholder]) for placeholder in placed(made)]


class Malformed:
    """A line that is no JSON, in a file whose other lines are."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def name_of(given: Any, where: str) -> str:
    """A row's id, or where it stood if it has none."""
    return where if given is None else str(given).encode(errors="replace").decode()


def read(path: Path) -> bytes:
    return path.read_bytes()


def _objects(file: Path) -> Iterator[Any]:
    """The rows of a file, one in memory at a time."""
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
                f"{file}: broken JSON ({str(error).splitlines()[0]}); mend the file and run the same command again"
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
