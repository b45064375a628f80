"""Read a job's numbers from the directories of its stages: scores of each question, costs, memory, time."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ain.storage.manifest import is_done, read_manifest
from ain.storage.shards import Shards
from ain.storage.tables import read_table
from ain.text.languages import name as language_name

CONDITIONS = {"shown": "", "shuffled": "wrong image", "blank": "grey image"}  # what stands beside the model's name


class Measure(NamedTuple):
    """An accuracy: of a model (base, tuned), in a language, with the images of a condition. benchmark: of several."""

    model: str
    language: str
    images: str
    benchmark: str = ""

    def __str__(self) -> str:
        condition = CONDITIONS.get(self.images, self.images)
        named = f"{self.benchmark}: " if self.benchmark else ""
        return f"{named}{self.model} {language_name(self.language)}" + (f", {condition}" if condition else "")

    @property
    def headline(self) -> str:
        """Return its name among the headline numbers of a job."""
        words = [self.benchmark, self.model, self.language, self.images if self.images != "shown" else ""]
        return " ".join(filter(None, words))


class Measured:
    """The numbers of a job. directories: stage → directory; those that are not done have no numbers."""

    def __init__(self, directories: Mapping[str, Path]) -> None:
        self.directories = {name: path for name, path in directories.items() if is_done(path)}
        self.manifests = {name: read_manifest(path) for name, path in self.directories.items()}
        graded = {name: one["counts"] for name, one in self.manifests.items() if "accuracy" in one["counts"]}
        several = len({counts["benchmark"] for counts in graded.values()}) > 1
        self._asked = {
            (counts["model"], counts["benchmark"] if several else ""): self.directories[name]
            for name, counts in graded.items()
        }

    @cached_property
    def accuracy(self) -> dict[Measure, dict[str, Any]]:
        """Return the rows over all domains of the tables of accuracies: accuracy, low, high in percent, questions."""
        return {
            Measure(model, row["language"], row["images"], benchmark): row
            for (model, benchmark), directory in self._asked.items()
            for row in read_table(directory / "tables" / "accuracy.csv")
            if row["domain"] == "all" and row["accuracy"] is not None
        }

    @cached_property
    def own(self) -> dict[str, Measure]:
        """Return, for each language, the accuracy that the job is about: of the tuned model if there is one, with the right
        images, or with grey ones if it was trained on them; of several benchmarks, of the first."""
        models = [name for name, _ in self._asked]
        model = "tuned" if "tuned" in models else next((name for name in models if name != "base"), "base")
        first = next((benchmark for _, benchmark in self._asked), "")
        mixtures = (manifest["settings"].get("mixture") or {} for manifest in self.manifests.values())
        trained = "blank" if any(mixture.get("images") == "blank" for mixture in mixtures) else "shown"
        found: dict[str, Measure] = {}
        for measure in self.accuracy:
            own = measure.model == model and measure.benchmark == first
            if own and (measure.images == trained or measure.language not in found):
                found[measure.language] = measure
        return found

    @cached_property
    def scores(self) -> dict[Measure, dict[str, float]]:
        """Return the score of each question, by its id, from 0 to 1."""
        found: dict[Measure, dict[str, float]] = {}
        for (model, benchmark), directory in self._asked.items():
            for row in Shards(directory).rows(["id", "language", "images", "score"]):
                if row["score"] is not None:
                    measure = Measure(model, row["language"], row["images"], benchmark)
                    found.setdefault(measure, {})[row["id"]] = row["score"]
        return found

    @cached_property
    def images(self) -> dict[str, str]:
        """Return for each question, by its id, what questions about the same images have in common."""
        return {
            row["id"]: " ".join(row["media"]) or row["id"]
            for directory in self._asked.values()
            for row in Shards(directory).rows(["id", "media"])
        }

    def of(self, language: str) -> dict[str, float]:
        """Return the scores of the accuracy that the job is about."""
        return self.scores.get(self.own[language], {}) if language in self.own else {}

    @property
    def seconds(self) -> float:
        """Return the seconds that its stages took, whichever job made them."""
        return round(sum(manifest["seconds"] for manifest in self.manifests.values()), 1)

    @property
    def usd(self) -> float | None:
        """Return what its stages paid, in dollars; None if nothing has a price."""
        spent = [paid for one in self.manifests.values() if (paid := one["counts"].get("usd")) is not None]
        return round(sum(spent), 4) if spent else None

    @cached_property
    def memory_gb(self) -> float | None:
        """Return the peak memory of its training, in GB: of a GPU, else of a process; None without a training."""
        tables = (path / "tables" / "steps.csv" for path in self.directories.values())
        found = [
            row["memory_gb"] for path in tables if path.exists() for row in read_table(path) if row.get("memory_gb")
        ]
        return max(found, default=None)
