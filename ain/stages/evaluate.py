"""Evaluate: run a benchmark on the base or the trained model; every prediction is kept and every question counted.

Answers are stored in the ledger as they arrive, so a killed run resumes. A question without an answer scores 0.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.benchmark import Condition, Item, Loader
from ain.benchmark.held_out import HeldOut
from ain.chat import LanguageModel, Message, Reply, Request, compact, image_part, user_message
from ain.chat.asking import Asking
from ain.chat.estimate import Estimate
from ain.chat.tokens import request_tokens
from ain.metrics.answers import exact
from ain.metrics.bootstrap import interval
from ain.metrics.text import chrf
from ain.model.processor import Processor
from ain.model.samples import blank
from ain.runtime.progress import progress
from ain.source.mixture import Mixture
from ain.storage.images import decode, mime, png
from ain.storage.ledger import key
from ain.storage.listing import verified_tree
from ain.storage.record import Row
from ain.storage.shards import Shards
from ain.storage.tables import read_table, write_table
from ain.text.placeholders import IMAGE

TEXTS = ("id", "domain", "language", "kind", "images", "question", "label", "prediction", "finish")
SCHEMA = pa.schema([*((name, pa.string()) for name in TEXTS), ("score", pa.float32()), ("chrf", pa.float32())])
CHUNK = 256


def evaluate(
    processor: Processor,
    predictor: LanguageModel,
    benchmark: Any,
    out: Path,
    mix: Path | None = None,
    train: Path | None = None,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Ask all questions, grade the answers and return the counts.

    predictor: the language model to ask; without a checkpoint of its own, it uses the one that is evaluated. mix: for
    benchmarks of one's own data.
    """
    shards = Shards(out, SCHEMA).create()
    items = list(benchmark.items(mix))
    asked = [(item, images, shown) for images in benchmark.images for item, shown in _shown(items, images)]
    model = predictor.with_checkpoint(str(verified_tree(train / "checkpoint") if train else checkpoint), processor)
    answers = _Answers(model, asked, out)
    answers.ask()
    for index, start in enumerate(range(0, len(asked), CHUNK)):
        if not shards.done(index):
            numbers = range(start, min(start + CHUNK, len(asked)))
            shards.write(index, [_graded(*asked[i][:2], *answers.of(i)) for i in numbers])
    rows = list(shards.rows(["domain", "language", "images", "score", "chrf"]))
    table = _accuracy(rows)
    write_table(out / "tables" / "accuracy.csv", table)
    named = {"model": "tuned" if train else "base", "accuracy": _nested(table)}
    return {"input": len(asked), "kept": len(rows), "rejected": 0, **named, **answers.usage()}


class _Answers:
    """The model's answers to all questions; only those that the ledger lacks are requested."""

    def __init__(self, model: LanguageModel, asked: list[tuple[Item, str, tuple[Loader, ...]]], out: Path) -> None:
        self.model, self.asked = model, asked
        self._shape = key(model.identity, model.max_new_tokens)[:32]
        self._asking = Asking(model, out, self._shape, _read)
        self._names = [key(self._shape, compact(self._messages(i))) for i in range(len(asked))]

    def ask(self) -> None:
        if self.model.price is not None:
            self._asking.allow(self._estimate())
        self._asking.persist(self._round, "questions")

    def of(self, number: int) -> tuple[str, str]:
        """Return (text, finish reason); without an answer, ("", the reason why)."""
        answer = self._asking.known(self._names[number])
        return (answer["text"], answer["finish"]) if answer else ("", self._asking.silence(self._names[number]))

    def usage(self) -> dict[str, Any]:
        spent = self._asking.ledger.spent(self._asking.run)
        self._asking.ledger.close()
        return {"requests": spent.requests, **self._asking.usage} | (
            {"usd": round(spent.usd, 6)} if self.model.price else {}
        )

    def _round(self) -> None:
        with progress("evaluate", total=len(self.asked), unit="question") as bar:
            self._asking.round(([self._request(i)] if wanted else [] for i, wanted in self._wanted()), bar)

    def _wanted(self) -> Iterator[tuple[int, bool]]:
        """Yield each question, and whether to ask it. A batched model gets whole chunks, as in an uninterrupted run."""
        numbers = iter(range(len(self.asked)))
        while chunk := list(islice(numbers, CHUNK)):
            wanted = {i for i in chunk if self._asking.wanted(self._names[i])}
            yield from ((i, i in wanted or (self.model.batched and bool(wanted))) for i in chunk)

    def _request(self, number: int) -> Request:
        name, (item, images, _) = self._names[number], self.asked[number]
        tag = [[name, item.id]]
        return Request(name, self._messages(number), self.model.max_new_tokens, None, tag, f"{item.id}/{images}")

    def _messages(self, number: int) -> list[Message]:
        item, _, loaders = self.asked[number]
        parts = iter([image_part(data, mime(data)) for data in (load() for load in loaders)])
        messages: list[Message] = []
        for turn in item.before:
            messages += [_user(turn["question"], parts), {"role": "assistant", "content": turn["answer"]}]
        return [*messages, _user(item.question, parts)]

    def _estimate(self) -> Estimate:
        made = Estimate(self.model, what="questions")
        for number, name in enumerate(self._names):
            size = request_tokens(self._messages(number), self.model.vocabulary), self.model.max_new_tokens
            made.add(size, [] if self._asking.known(name) else [size])
        return made


def _user(text: str, parts: Iterator[dict[str, Any]]) -> Message:
    return user_message(text, list(islice(parts, text.count(IMAGE))))


def _read(reply: Reply, things: list[Any]) -> list[dict[str, Any]]:
    return [{"text": reply.text, "finish": reply.finish}]


def _nested(table: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return images → language → domain → accuracy in percent."""
    made: dict[str, dict[str, dict[str, float]]] = {}
    for row in table:
        made.setdefault(row["images"], {}).setdefault(row["language"], {})[row["domain"]] = row["accuracy"]
    return made


def _shown(items: list[Item], images: Condition) -> list[tuple[Item, tuple[Loader, ...]]]:
    """Return the items with the images to show. Under other conditions than `shown`, questions without images are left out."""
    if images == "shown":
        return [(item, item.images) for item in items]
    seeing = [item for item in items if item.images]
    if images == "shuffled":
        return _shuffled(seeing)
    grey = {load: cache(partial(_grey, load)) for item in seeing for load in item.images}
    return [(item, tuple(grey[load] for load in item.images)) for item in seeing]


def _grey(load: Loader) -> bytes:
    return png(blank(decode(load())))


def _shuffled(items: list[Item]) -> list[tuple[Item, tuple[Loader, ...]]]:
    """Pair each question with the images of another one of its domain that has as many."""
    alike: dict[tuple[str, int], dict[tuple[Loader, ...], None]] = defaultdict(dict)
    for item in items:
        alike[item.domain, len(item.images)][item.images] = None
    if any(len(images) < 2 for images in alike.values()):
        raise UserError(
            "benchmark.images=shuffled needs two images in each domain; ask more questions "
            "(benchmark.scenes, benchmark.limit)"
        )
    random = Random(0)
    shown = []
    for item in items:
        others = [images for images in alike[item.domain, len(item.images)] if images != item.images]
        shown.append((item, random.choice(others)))
    return shown


def _graded(item: Item, images: str, answer: str, finish: str) -> Row:
    named = {name: getattr(item, name) for name in ("id", "domain", "language", "kind", "question", "label")}
    score = exact(answer, item.label) if answer else 0.0
    similar = chrf([answer], [item.label], item.language) if answer else 0.0
    return {**named, "images": images, "prediction": answer, "finish": finish, "score": score, "chrf": similar}


def _accuracy(rows: list[Row]) -> list[dict[str, Any]]:
    """Return accuracy in percent with 95 % bootstrap intervals, and mean chrF, by language, images and domain (and all
    domains)."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        for domain in (row["domain"], "all"):
            groups[row["language"], row["images"], domain].append(row)
    table = []
    for (language, images, domain), group in groups.items():
        mean, low, high = (round(100 * value, 1) for value in interval([row["score"] for row in group]))
        table.append(
            {
                "language": language,
                "images": images,
                "domain": domain,
                "accuracy": mean,
                "low": low,
                "high": high,
                "chrf": round(sum(row["chrf"] for row in group) / len(group), 1),
                "questions": len(group),
            }
        )
    return table


def check(predictor: LanguageModel, benchmark: Any, mixture: Mixture | None) -> None:
    """Refuse a model that was shut down, and to ask about held-out data where nothing is held out."""
    if isinstance(benchmark, HeldOut) and mixture and not mixture.validation:
        raise UserError("benchmark=held_out: nothing is held out; set mixture.validation to a share, as 0.02")
    if predictor.gone:
        raise predictor.gone


def scalars(counts: dict[str, Any], out: Path) -> dict[str, Any]:
    """Return `tuned/ar/all/accuracy` ... from the table, and the rest of the counts as `tuned/requests`. Conditions other
    than `shown` come after the domain."""
    keys, model = ("language", "images", "domain"), counts["model"]
    made = {f"{model}/{name}": value for name, value in counts.items() if name != "accuracy"}
    for row in read_table(out / "tables" / "accuracy.csv"):
        place = [model, row["language"], row["domain"], *([] if row["images"] == "shown" else [row["images"]])]
        made |= {"/".join([*place, name]): value for name, value in row.items() if name not in keys}
    return made


def headline(counts: dict[str, Any]) -> dict[str, float]:
    """Return `base arabic`, `tuned arabic shuffled` ... → accuracy in percent."""
    return {
        " ".join([counts["model"], language, *([] if images == "shown" else [images])]): of["all"]
        for images, by_language in counts["accuracy"].items()
        for language, of in by_language.items()
    }
