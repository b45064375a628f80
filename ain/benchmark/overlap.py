"""Find the questions of benchmarks that a training mixture has seen: by their words, by their images.

A question overlaps by text if a run of 13 of its words stands in a turn of the mixture, as in GPT-3's paper (Brown et al., 2020,
Appendix C). Runs that stand in many questions are instructions and do not count. Shorter questions, such as "What colour is
the car?", are asked of any image, so they overlap by text only where the same question is asked of the same image.
An image overlaps if the mixture has it, also scaled and compressed anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ain.metrics.near_duplicates import NearDuplicates, cells, perceptual_hash, same_cells
from ain.metrics.ngrams import ngrams
from ain.model.samples import ImageStores
from ain.report.texts import bare
from ain.storage.images import Reference
from ain.storage.record import Row, images_of
from ain.storage.shards import Shards
from ain.text.phrases import words

WORDS = 13
COMMON = 10  # questions that may share a run of words before it counts as an instruction
BITS = 4  # by which the hashes of an image and its copy may differ


@dataclass(frozen=True)
class Question:
    text: str
    images: tuple[str, ...]  # names


class Found(NamedTuple):
    """What some of the mixture's conversations have in common with the questions."""

    questions: set[int]  # numbers of those that overlap by text
    images: set[str]
    conversations: int


class Search:
    """Looks for the questions in a mixture, shard by shard. What it holds grows with the questions, and by 8 bytes with each
    image of the mixture.

    hashes: for each image store of the mixture, the directory with the hashes of its images.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        images: Iterable[tuple[str, Image.Image]],
        mix: Path,
        hashes: Sequence[Path],
    ) -> None:
        self._questions, self._mix, self._hash_directories = questions, mix, hashes
        self._runs, self._question_of = _runs([words(bare(question.text)) for question in questions])
        self._asked: dict[str, list[int]] = defaultdict(list)
        for number, question in enumerate(questions):
            self._asked[_said(question.text)].append(number)
        self._cells: dict[str, np.ndarray] = {}
        self._named: dict[int, list[str]] = defaultdict(list)  # hash → names of images
        self._near = NearDuplicates(BITS)
        for name, image in images:
            self._add(name, image)
        self._hashes: dict[tuple[int, int], np.ndarray] = {}

    def _add(self, name: str, image: Image.Image) -> None:
        of = perceptual_hash(image)
        if of not in self._named:
            self._near.add(of)
        self._named[of].append(name)
        self._cells[name] = cells(image)

    def shard(self, index: int) -> Found:
        """Return what the training conversations of one shard have in common with the questions."""
        rows = [row for row in Shards(self._mix).read(index, ["split", "media", "turns"]) if row["split"] == "train"]
        texts = [words(bare(text)) for row in rows for turn in row["turns"] for text in turn.values()]
        found, _ = ngrams(texts, WORDS)
        stores = ImageStores(self._mix)
        images, numbers = set[str](), set[int](self._question_of[np.isin(self._runs, found)].tolist())
        for row in rows if not stores.blank else ():
            if same := {name for image in images_of(row) for name in self._same(image, stores)}:
                images |= same
                asked = (number for turn in row["turns"] for number in self._asked.get(_said(turn["question"]), ()))
                numbers |= {number for number in asked if same & set(self._questions[number].images)}
        return Found(numbers, images, len(rows))

    def overlapping(self, found: Iterable[Found]) -> Iterator[tuple[bool, bool]]:
        """Yield, for each question, whether it overlaps by text and by image."""
        by_text, images = set[int](), set[str]()
        for one in found:
            by_text |= one.questions
            images |= one.images
        for number, question in enumerate(self._questions):
            yield number in by_text, not images.isdisjoint(question.images)

    def _same(self, image: Row, stores: ImageStores) -> list[str]:
        """Return the names of the questions' images that are the same as an image of the mixture."""
        near = set(self._near.near(self._hash(image["store"], (image["shard"], image["row"]))))
        names = [name for of in near for name in self._named[of]]
        if not names:
            return []
        own = cells(stores.image(image))
        return [name for name in names if same_cells(own, self._cells[name])]

    def _hash(self, store: int, reference: Reference) -> int:
        shard, row = reference
        if (store, shard) not in self._hashes:
            table = Shards(self._hash_directories[store]).table(shard, ["hash"])
            self._hashes[store, shard] = table["hash"].to_numpy()
        return int(self._hashes[store, shard][row])


def _runs(texts: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the hash of each run of words and the number of its question, once for each pair of both, without
    instructions."""
    runs, questions = np.unique(np.stack(ngrams(texts, WORDS), axis=1, dtype=np.uint64, casting="unsafe"), axis=0).T
    _, run, count = np.unique(runs, return_inverse=True, return_counts=True)
    own = count[run] <= COMMON
    return runs[own], questions[own]


def _said(question: str) -> str:
    return " ".join(words(bare(question)))
