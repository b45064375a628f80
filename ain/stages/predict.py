"""Predict: ask a model all questions of a benchmark; every answer is kept, with how it ended, its tokens and its seconds.

Answers are stored in the ledger as they arrive, so a killed run resumes. A question that cannot be asked, or that has no
answer, is kept without one, and `grade` counts it as wrong.
"""

from pathlib import Path
from typing import Any

from ain import UserError
from ain.benchmark import Benchmark
from ain.benchmark.answering import CHUNK, Answers
from ain.benchmark.answers import ANSWERED
from ain.benchmark.conditions import questions
from ain.benchmark.estimated import estimated, uncounted
from ain.benchmark.harness import Harness, numbers
from ain.benchmark.held_out import HeldOut
from ain.chat import LanguageModel
from ain.metrics.outcomes import ENDED
from ain.source.mixture import Mixture
from ain.storage.images import ImageStore
from ain.storage.ledger import Ledger
from ain.storage.listing import verified_tree
from ain.storage.revisions import weight_bytes
from ain.storage.shards import Shards
from ain.storage.tables import write_table

TITLE = "What the harness reports"
SHOWN = {"harness": "The tool's own numbers, which may be no means over questions."}


def predict(
    predictor: LanguageModel,
    asked: dict[str, Any],
    benchmark: Benchmark,
    out: Path,
    mix: Path | None = None,
    train: Path | None = None,
) -> dict[str, Any]:
    """Ask all questions and return the counts.

    predictor: the language model to ask. asked: its name, and the checkpoint and processor of a model that brings
    none of its own; `train` has that of the tuned one. mix: for benchmarks of one's own data.
    """
    shards, store = Shards(out, ANSWERED).create(), ImageStore(out, small=True)
    checkpoint = verified_tree(train / "checkpoint") if train else asked["checkpoint"]
    processor = asked["processor"]
    if processor is not None and benchmark.max_pixels:
        processor = processor.with_max_pixels(benchmark.max_pixels)
    model = predictor.with_checkpoint(str(checkpoint), processor) if checkpoint else predictor
    if isinstance(benchmark, Harness):
        return _by_harness(model, asked["name"], benchmark, shards, out)
    listed = questions(benchmark, benchmark.items(mix))
    answers = Answers(model, listed, benchmark, out)
    answers.ask()
    for index, start in enumerate(range(0, len(listed), CHUNK)):
        if not shards.done(index):
            with store.writing(index) as images:
                numbers = range(start, min(start + CHUNK, len(listed)))
                rows = list(answers.rows(numbers, images))
            shards.write(index, rows)
    finishes = [row["finish"] for row in shards.rows(["finish"])]
    return {
        "input": len(listed),
        "kept": len(finishes),
        "rejected": 0,
        "model": asked["name"],
        "benchmark": benchmark.name,
        "answered": sum(finish in ENDED for finish in finishes),
        "truncated": finishes.count("length"),
        **answers.usage(),
    }


def _by_harness(model: LanguageModel, name: str, benchmark: Harness, shards: Shards, out: Path) -> dict[str, Any]:
    """Keep the answers that a harness got. Its results lie beside the ledger, so a killed run repeats no finished task."""
    made = benchmark.results(model, out.parents[1] / "harness")
    rows = list(benchmark.rows(made))
    for index, start in enumerate(range(0, len(rows), CHUNK)):
        shards.write(index, rows[start : start + CHUNK])
    write_table(out / "tables" / "harness.csv", numbers(made))
    count = len(rows)
    versions = {task: version for one in made for task, version in one.versions.items()}
    counts = {
        "input": count,
        "kept": count,
        "rejected": 0,
        "model": name,
        "benchmark": benchmark.name,
        "answered": count,
    }
    return {**counts, "truncated": 0, "tool": " ".join(benchmark.tool.identity[:2]), "versions": versions}


def check(predictor: LanguageModel, benchmark: Benchmark, mixture: Mixture | None) -> None:
    """Refuse a model that was shut down, and to ask about held-out data where nothing is held out."""
    if isinstance(benchmark, HeldOut) and mixture and not mixture.validation:
        raise UserError("benchmark=held_out: nothing is held out; set mixture.validation to a share, as 0.02")
    if predictor.gone:
        raise predictor.gone


def estimate(
    predictor: LanguageModel, asked: dict[str, Any], benchmark: Benchmark, mix: Path | None, output_dir: Path, out: Path
) -> list[str]:
    """Return what asking would take, for a dry run."""
    if not predictor.in_ledger:  # a file of answers: nothing is asked
        return []
    if why := uncounted(benchmark, mix):
        return [] if benchmark.to_download else [why]
    made = estimated(predictor, benchmark, mix)
    known = output_dir / "ledger.sqlite"
    before = Ledger(known).spent(out.name).requests if known.exists() else 0
    said = f"{made.line()}; {before:,} of them were sent before" if before else made.line()
    return [said + _weights(predictor, asked), *made.notes()]


def _weights(predictor: LanguageModel, asked: dict[str, Any]) -> str:
    checkpoint = getattr(predictor, "checkpoint", None) or asked["checkpoint"]
    size = weight_bytes(checkpoint) if checkpoint else 0
    return f"; {size / 1e9:.2g} GB of weights in memory" if size else ""


def unasked(benchmark: Benchmark, mix: Path | None, names: list[str]) -> list[str]:
    """Return those of these ids that no question of the benchmark has."""
    asked = {item.id for item in benchmark.items(mix)}
    return [name for name in names if name not in asked]
