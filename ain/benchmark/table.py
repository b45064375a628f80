"""A benchmark over a table: a data set, and how one of its rows becomes a question. All of it is YAML: docs/benchmarks.md"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import blake2b
from heapq import nsmallest
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter

from ain import UserError
from ain.benchmark import Benchmark, Condition, Item
from ain.benchmark.fields import Fields, Unusable, answer_shown, value_of
from ain.benchmark.opened import Opened
from ain.benchmark.pictures import Picture
from ain.benchmark.prompt import Prompt, with_images
from ain.benchmark.rotations import rotated
from ain.benchmark.rows import Rows
from ain.benchmark.template import shown
from ain.metrics.together import Metric
from ain.runtime.ranges import AboveZero, Positive
from ain.scorer import Scorer
from ain.source.image_files import Files
from ain.source.stored_images import StoredImages
from ain.storage.record import Row
from ain.text.languages import LANGUAGES


@dataclass(frozen=True)
class Shots:
    """Examples before each question: the first rows of another split, or those whose column `by` is as the question's."""

    split: str
    count: Positive = 3
    by: str | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")


class Table(Benchmark):
    """path, config, split, revision: the data set, see Opened. fields: its columns. only: column → values of the rows that
    are asked, where * stands for any text. prompt: how to ask. limit: number of questions; sample: the first ones, or ones
    drawn by their ids, always the same. max_images: of a question, the first ones or spread over all (frames of a video).
    max_side, max_pixels: larger images are scaled down. scorer, official, also: functions of ain.scorer: the main score,
    the original's own, further ones by name. metrics: of ain.metrics.together, numbers over all answers. rotations: questions
    with options are asked once for each rotation of these. labels: a file of right answers, for data without any. by: see
    Benchmark. version: raise it when questions or scores change. The rest is for readers.
    """

    def __init__(
        self,
        name: str,
        path: str,
        fields: Fields,
        prompt: Prompt,
        scorer: Scorer | None = None,
        config: str | None = None,
        split: str = "test",
        revision: str | None = None,
        only: dict[str, str | tuple[str, ...]] | None = None,
        shots: Shots | None = None,
        limit: Positive | None = None,
        sample: Literal["first", "drawn"] = "drawn",
        images: tuple[Condition, ...] = ("shown",),
        max_images: Positive | None = None,
        frames: Literal["first", "spread"] = "first",
        max_side: Positive | None = None,
        max_pixels: Positive | None = None,
        max_image_mb: AboveZero = 50,
        outside: bool = False,
        max_new_tokens: Positive = 512,
        official: Scorer | None = None,
        also: dict[str, Scorer] | None = None,
        metrics: Metric | None = None,
        rotations: bool = False,
        judged: bool = False,
        labels: str | None = None,
        by: Literal["generation", "loglikelihood"] = "generation",
        version: str = "1",
        license: str | None = None,
        use: Literal["any", "evaluation"] = "any",
        citation: str | None = None,
        checked: str | None = None,
    ) -> None:
        self.name, self.split, self.limit, self.sample = name, split, limit, sample
        self.fields = TypeAdapter(Fields).validate_python(fields)
        self.prompt = TypeAdapter(Prompt).validate_python(prompt)
        self.shots = TypeAdapter(Shots | None).validate_python(shots)
        self.only = {name: (v,) if isinstance(v, str) else tuple(v) for name, v in (only or {}).items()}
        self.images, self.max_images, self.frames = tuple(images), max_images, frames
        self.max_side, self.max_pixels, self.max_new_tokens = max_side, max_pixels, max_new_tokens
        self.scorer, self.official, self.also, self.by = scorer, official, also or {}, by
        self.judged, self.metrics, self.rotations = judged, metrics, rotations
        self.labels = labels
        if rotations and labels:
            raise UserError(
                "benchmark.rotations=true needs labels in the data; remove benchmark.labels, whose letters are those of one order"
            )
        self.version, self.license, self.use, self.citation, self.checked = version, license, use, citation, checked
        self.opened = Opened(path, config, revision)
        self.stored = StoredImages(path, Files(self.opened.folder, outside, max_image_mb, "benchmark"))
        self.prompt.check()

    def digest(self) -> Any:
        return [self.opened.digest(), super().digest()]

    def provenance(self) -> dict[str, Any]:
        return {} if self.opened.place.exists() else {"revision": self.opened.commit()}

    def items(self, mix: Path | None = None) -> Iterator[Item]:
        """Yield the questions, without reading an image. A row that cannot be asked is an item that says why."""
        rows = self._rows(self.split)
        chosen = self._chosen(rows)
        for identifier, row, pictures, fault in rows.all(chosen):
            ask = partial(self._item, identifier, row, pictures, fault, self._before(row))
            yield (first := ask())
            yield from map(ask, range(1, len(first.options)) if self.rotations else ())

    def first(self, count: int, mix: Path | None = None) -> tuple[list[Item], int]:
        """Return some questions, and about how many there are, reading the texts of these alone."""
        rows = sum(1 for _ in self._rows(self.split).numbered())
        total, some = min(rows, self.limit or rows), copy(self)
        some.limit, some.sample = min(count, total) or 1, "first"
        items = list(some.items())
        return items, round(total * len(items) / some.limit)

    @property
    def to_download(self) -> str | None:  # type: ignore[override]
        return self.opened.path if self.opened.is_missing else None

    def _rows(self, split: str) -> Rows:
        return Rows(self.opened.split(split), self.opened.path, self.fields, self._further, self.only, self.stored)

    @property
    def _further(self) -> dict[str, tuple[str, ...]]:
        """Return key → columns beside those of the fields."""
        own = ("question", "options")
        asked = [name for template in self.prompt.templates() for name in template.columns if name not in own]
        return {"prompt": tuple(asked), "shots": (self.shots.by,) if self.shots and self.shots.by else ()}

    def _chosen(self, rows: Rows) -> set[int] | None:
        if self.limit is None:
            return None
        if self.sample == "first":
            numbered = rows.numbered()
            return {number for (number, *_), _ in zip(numbered, range(self.limit), strict=False)}
        drawn = nsmallest(self.limit, ((_draw(group), number) for number, _, group in rows.numbered()))
        return {number for _, number in drawn}

    def _item(
        self,
        identifier: str,
        row: Row,
        pictures: dict[int, Picture],
        fault: str | None,
        before: "_Before",
        turn: int = 0,
    ) -> Item:
        """Return a question, with its options moved by so many places."""
        group = self.fields.grouped(row, identifier)
        identifier += f"+{turn}" * bool(turn)
        domain, kind, language = (
            value_of(of, row) for of in (self.fields.domain, self.fields.kind, self.fields.language)
        )
        try:
            if language not in LANGUAGES:
                raise Unusable(f"unknown language: {language[:20]}")
            question, options, labels = self._asked(row, turn)
            placed, images = self._placed(question, pictures)
        except Unusable as error:
            return Item(identifier, domain, language, kind, "", (), broken=str(error), group=group)
        images = (*before.images, *images)
        choices = tuple(self.prompt.letter(i) for i in range(len(options)))
        texts = (identifier, domain, language, kind, placed, labels)
        return Item(*texts, images, before.turns, options, fault, choices, group)

    def _asked(self, row: Row, turn: int = 0) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Return (prompt, options, right answers)."""
        question, options = self.fields.asked(row), self.fields.offered(row)
        labels = self.fields.right(row, options, self.prompt.letter)
        options, labels = rotated(options, labels, turn, self.prompt.letter)
        text = self.prompt.text(question, options, row)
        if text is None:
            raise Unusable("no options" if not options else "options, but no prompt for them")
        return text, tuple(options), labels

    def _placed(self, question: str, pictures: dict[int, Picture]) -> tuple[str, tuple[Picture, ...]]:
        if self.fields.images and not pictures:
            raise Unusable("no image")
        kept = self._kept(list(pictures))
        text, images, lacking = with_images(question, pictures, kept, self.fields.inline)
        if lacking:
            raise Unusable(lacking)
        return text, tuple(images)

    def _kept(self, numbers: list[int]) -> list[int]:
        limit = self.max_images or len(numbers)
        if self.frames == "first" or len(numbers) <= limit:
            return numbers[:limit]
        return [numbers[(2 * i + 1) * len(numbers) // (2 * limit)] for i in range(limit)]

    def _before(self, row: Row) -> "_Before":
        if self.shots is None:
            return _NOTHING
        return self._examples.get(shown(row.get(self.shots.by)) if self.shots.by else "", _NOTHING)

    @cached_property
    def _examples(self) -> dict[str, "_Before"]:
        """Return value of the column `by` → the turns of its examples, with their images."""
        assert self.shots
        made: dict[str, _Before] = {}
        for _, row, pictures, fault in self._rows(self.shots.split).all():
            group = shown(row.get(self.shots.by)) if self.shots.by else ""
            before = made.setdefault(group, _Before((), ()))
            if fault or len(before.turns) == self.shots.count:
                continue
            question, options, labels = self._asked(row)
            if labels:
                text, images = self._placed(question, pictures)
                turn = {"question": text, "answer": answer_shown(labels, options, self.prompt.letter)}
                made[group] = _Before((*before.turns, turn), (*before.images, *images))
        return {group: _Before(list(before.turns), before.images) for group, before in made.items()}


@dataclass(frozen=True)
class _Before:
    """Turns before a question, and their images."""

    turns: Any
    images: tuple[Picture, ...]


_NOTHING = _Before((), ())


def _draw(identifier: str) -> bytes:
    return blake2b(identifier.encode(errors="surrogatepass"), digest_size=8).digest()
