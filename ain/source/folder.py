"""Read your own data: a directory of images with JSON or JSONL in LLaVA's format or LLaMA-Factory's messages format."""

import codecs
import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ain import UserError
from ain.runtime.ranges import Positive
from ain.source import Found, Medium
from ain.source.conversation import language, turns
from ain.storage.digests import folder_digest
from ain.storage.record import Turns
from ain.text.languages import LANGUAGES, LanguageChoice
from ain.text.placeholders import IMAGE, PLACEHOLDERS, VIDEO, placed

FORMATS = {"llava": "conversations", "messages": "messages"}


class Folder:
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
        spoken, unknown = language(self.language, row.get("language"), made)
        references, doubts = _references(row.get("references"), made)
        if "reference" in row:
            doubts = [*doubts, 'reference is called references now: {"ar": conversation}']
        media, wrong = self._media(images, videos, row.get("fps"), None if reasons else placed(made))
        record = {
            "id": identifier,
            "domain": str(row.get("domain") or self.domain),
            "origin": "authentic",
            "language": spoken,
            "turns": made,
            "references": references,
        }
        return Found(where, record, media, [*reasons, *unknown, *wrong, *doubts])

    def _media(
        self, images: list[Any], videos: list[Any], fps: Any, places: list[str] | None
    ) -> tuple[list[Medium], list[str]]:
        """Return (media in the order of their placeholders, reasons); if that order is unknown, only the images."""
        rates = fps if isinstance(fps, list) else [fps] * len(videos)
        reasons = []
        if not all(isinstance(video, list) and video for video in videos):
            reasons.append("a video is a list of images, its frames")
        if len(rates) != len(videos) or not all(rate is None or _is_rate(rate) for rate in rates):
            reasons.append("fps: expected a number above 0, or one for each video")
        waiting = {IMAGE: (([image], None) for image in images), VIDEO: zip(videos, rates, strict=False)}
        media = []
        for place in [IMAGE] * len(images) if places is None or reasons else places:
            names, rate = next(waiting[place])
            reasons += [
                f"image is no path: {str(name)[:40]}" for name in names if not isinstance(name, str) or not name
            ]
            opened = [partial(read, self.path / str(name)) for name in names]
            media.append(Medium(opened, PLACEHOLDERS[place], None if rate is None else float(rate)))
        return media, reasons


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _references(given: Any, made: Turns) -> tuple[list[dict[str, Any]] | None, list[str]]:
    """Return (trusted translations, reasons) from {"ar": messages, ...}, with the turns of the conversation itself."""
    if given is None:
        return None, []
    if not isinstance(given, dict):
        return None, ['references: expected {"ar": conversation}, a language\'s code for each']
    references, reasons = [], [f"references: unknown language: {code[:20]}" for code in given if code not in LANGUAGES]
    for code, messages in given.items():
        translated, wrong = turns(messages, placed(made).count(IMAGE), placed(made).count(VIDEO))
        if not wrong and len(translated) != len(made):
            wrong = [f"{len(translated)} turns for {len(made)}"]
        references.append({"language": code, "turns": translated})
        reasons += [f"reference in {code}: {reason}" for reason in wrong]
    return references, reasons


class Malformed:
    """A line that is not valid JSON, in a file of JSON lines."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def name_of(given: Any, where: str) -> str:
    """Return a row's id, or where it was found if it has none."""
    return where if given is None else str(given).encode(errors="replace").decode()


def read(path: Path) -> bytes:
    return path.read_bytes()


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
