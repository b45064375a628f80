"""Read the questions of evaluations from disk, with the answers of all models side by side and their images.

One shard of each model is in memory at a time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ain.report.records import newest
from ain.report.section import Section
from ain.storage.images import ImageStore
from ain.storage.manifest import lineage, read_manifest
from ain.storage.record import Row
from ain.storage.shards import Shards


class Stored(NamedTuple):
    """An image as pages keep it. where: the file of the store, and the row in it."""

    bytes: bytes
    width: int
    height: int
    where: str


@dataclass(frozen=True)
class Question:
    """A question under one condition. row: what all models were given; answers: model → its answer, what was read from it
    (`parsed`), how it ended, and `scores`, of which `score` is the first."""

    benchmark: str
    row: Row
    answers: dict[str, Row]

    @property
    def id(self) -> str:
        return str(self.row["id"])


class Evaluation:
    """A benchmark with the directories of `grade` that have the models' answers. graded: model → directory."""

    def __init__(self, benchmark: str, graded: Mapping[str, Path]) -> None:
        self.benchmark, self.graded = benchmark, dict(graded)

    @property
    def models(self) -> list[str]:
        return list(self.graded)

    def shards(self) -> Iterator[list[Question]]:
        """Yield the questions shard by shard, in the order in which they were asked."""
        for index in range(self._length):
            yield self._shard(index)

    def find(self, names: Iterable[str]) -> Iterator[Question]:
        """Yield the questions with these ids, under all conditions. Only shards that have one are read whole."""
        wanted = set(names)
        for index in range(self._length):
            if any(wanted & {row["id"] for row in shards.read(index, ["id"])} for _, shards in self._having(index)):
                yield from (question for question in self._shard(index) if question.id in wanted)

    def images(self, names: Iterable[str]) -> dict[str, Stored]:
        """Return sha256 → the image, for those that are stored. Stores are opened anew, so nothing stays in memory."""
        wanted, found = list(dict.fromkeys(names)), dict[str, Stored]()
        for directory in self._stores:
            missing = [sha for sha in wanted if sha not in found]
            store = ImageStore(directory)
            for sha, place in store.find(missing).items() if missing else ():
                where = f"{store.directory}/{place[0]:05d}.arrow, row {place[1]}"
                found[sha] = Stored(store.bytes(place), *store.size(place), where)
        return found

    @cached_property
    def _stores(self) -> list[Path]:
        """Return the directories that keep the images of the questions: of each model the nearest one with images."""
        above = ([path.parent / name for name in lineage(path)] for path in self.graded.values())
        nearest = (next((one for one in found if (one / "images").is_dir()), None) for found in above)
        return list(dict.fromkeys(directory for directory in nearest if directory))

    @cached_property
    def _shards(self) -> dict[str, Shards]:
        return {model: Shards(path) for model, path in self.graded.items()}

    @cached_property
    def _length(self) -> int:
        return max(len(shards) for shards in self._shards.values())

    def _having(self, index: int) -> Iterator[tuple[str, Shards]]:
        return ((model, shards) for model, shards in self._shards.items() if shards.done(index))

    def _shard(self, index: int) -> list[Question]:
        found: dict[tuple[str, str], Question] = {}
        for model, shards in self._having(index):
            for row in shards.read(index):
                question = found.setdefault((row["id"], row["images"]), Question(self.benchmark, row, {}))
                question.answers[model] = row | {"scores": _scores(row)}
        return list(found.values())


def _scores(row: Row) -> dict[str, float]:
    """Return the scores of an answer by name: the columns of numbers behind what was read from it."""
    names = list(row)
    behind = names[names.index("parsed") + 1 :]
    return {name: row[name] for name in behind if isinstance(row[name], float)}


def evaluations(sections: Iterable[Section]) -> list[Evaluation]:
    """Return the evaluations of a job, a benchmark each."""
    asked: dict[str, dict[str, Path]] = {}
    for section in sections:
        if section.table("accuracy"):
            asked.setdefault(section.counts["benchmark"], {})[section.counts["model"]] = section.directory
    return [Evaluation(benchmark, graded) for benchmark, graded in asked.items()]


def latest(data: Path, name: str) -> list[Evaluation]:
    """Return the benchmarks that asked a question with this id; of each model the newest finished directory that has it."""
    asked: dict[str, dict[str, Path]] = {}
    for directory in newest(data, "grade"):
        if any(row["id"] == name for row in Shards(directory).rows(["id"])):
            counts = read_manifest(directory)["counts"]
            asked.setdefault(counts["benchmark"], {}).setdefault(counts["model"], directory)
    return [Evaluation(benchmark, graded) for benchmark, graded in asked.items()]
