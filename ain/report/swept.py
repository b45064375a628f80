"""Read what a sweep found: its axes, each job's numbers, each setting's, and how settings differ from a baseline.

Jobs that differ in the seed alone are one setting.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

from ain.metrics.bootstrap import clustered
from ain.report.axes import axes, baseline, given, point, settings
from ain.report.differences import by_image, corrected, difference, mean
from ain.report.measured import CONDITIONS, Measure, Measured
from ain.report.sweep_figures import Point
from ain.storage.tables import Table
from ain.text.languages import name as language_name

HEADLINES = {"kept": max, "validation_loss": min}  # numbers to compare where no model was evaluated, and the best
Job = dict[str, Any]


class Swept:
    """The numbers of a sweep. Accuracies are those of done jobs; costs and seconds are those of all done stages.

    jobs: the rows of job.json, each with its `label`. chosen: the setting to compare with, as typed for
    `report.baseline`; None: the first that is done.
    """

    def __init__(self, jobs: list[Job], chosen: str | None = None) -> None:
        self.jobs, self.done = jobs, [job for job in jobs if job["status"] == "done"]
        self.axes = axes([job["overrides"] for job in jobs])
        self.named = settings(self.done, self.axes)
        meant = baseline(settings(jobs, self.axes), chosen)
        self.baseline = meant if chosen or meant in self.named else next(iter(self.named), None)
        self._measured = {
            job["job"]: Measured({name: Path(path) for name, path in job.get("directories", {}).items()})
            for job in jobs
        }
        self.languages = list(dict.fromkeys(code for job in self.done for code in self.of(job).own))
        found = dict.fromkeys(one for job in self.done for one in (*self.of(job).own.values(), *self.of(job).accuracy))
        self.measures = list(found)  # what the jobs are about comes first
        self.same = [one for one in found if len(self.done) > 1 and one.model == "base" and self._is_same(one)]
        said = {measure.headline for measure in self.measures}
        names = dict.fromkeys(name for job in self.done for name in job.get("headline", {}))
        self.numbers = [name for name in names if name not in said]  # those of headlines that are no accuracies
        self.headline = None if self.languages else next((name for name in HEADLINES if name in self.numbers), None)

    @cached_property
    def conditions(self) -> list[str]:
        """Return what to say of models that are not asked about the right images: those trained on other ones."""
        found = {measure.images for job in self.done for measure in self.of(job).own.values()} - {"shown"}
        return [
            f"A model trained with a {name} for every image is asked with a {name}, here and in the differences; the others "
            "with the right images."
            for name in sorted(CONDITIONS.get(images, images) for images in found)
        ]

    def of(self, job: Job) -> Measured:
        return self._measured[job["job"]]

    def _is_same(self, measure: Measure) -> bool:
        """Return whether all done jobs have the same value, as that of a base model that they share."""
        rows = [self.of(job).accuracy.get(measure) for job in self.done]
        return all(row == rows[0] for row in rows)

    @cached_property
    def points(self) -> dict[str, dict[str, Point]]:
        """Return, for each done setting, language → its accuracy in percent, or the headline's name → its number."""
        return {name: self._points(jobs) for name, jobs in self.named.items()}

    def _points(self, jobs: list[Job]) -> dict[str, Point]:
        if self.headline:
            values = tuple(job["headline"][self.headline] for job in jobs if self.headline in job.get("headline", {}))
            middle = sum(values) / len(values) if len(values) > 1 else values[0] if values else None
            seeds = values if len(values) > 1 else ()
            return {} if middle is None else {self.headline: Point(middle, middle, middle, seeds)}
        found = {language_name(code): self._accuracy(jobs, code) for code in self.languages}
        return {language: point for language, point in found.items() if point}

    def _accuracy(self, jobs: list[Job], code: str) -> Point | None:
        """Return a setting's accuracy: as on the job's own page, or the mean of its seeds, with an interval over images."""
        having = [of for job in jobs if code in (of := self.of(job)).own]
        rows = [of.accuracy[of.own[code]] for of in having]
        if len(rows) < 2:
            return Point(rows[0]["accuracy"], rows[0]["low"], rows[0]["high"]) if rows else None
        over = by_image(mean([of.of(code) for of in having]), having[0].images)
        value, low, high = (round(100 * each, 1) for each in clustered(over))
        return Point(value, low, high, tuple(row["accuracy"] for row in rows))

    def of_jobs(self) -> Table:
        """Return a row for each job: its values on the axes, status, accuracies with intervals, counts, costs."""
        rows = []
        for job in self.jobs:
            mine, measured, done = given(job["overrides"]), self.of(job), job["status"] == "done"
            row: dict[str, Any] = {"job": job["label"], "name": job["job"], "status": job["status"]}
            row |= {"error": job.get("error"), **{axis.key: mine.get(axis.key) for axis in self.axes}}
            for measure in self.measures:
                found = measured.accuracy.get(measure, {}) if done else {}
                row |= {str(measure): found.get("accuracy")}
                row |= {f"{measure}, {side}": found.get(side) for side in ("low", "high")}
            row |= {name: job.get("headline", {}).get(name) for name in self.numbers}
            rows.append(row | {"usd": measured.usd, "memory_gb": measured.memory_gb, "seconds": measured.seconds})
        return rows

    def of_settings(self) -> Table:
        """Return a row for each done setting and language: its value, the interval, and how its seeds scatter."""
        rows = []
        for name, points in self.points.items():
            for what, found in points.items():
                row: dict[str, Any] = {"setting": name, "what": what, "value": found.value}
                row |= {} if self.headline else {"low": found.low, "high": found.high}
                if any(len(jobs) > 1 for jobs in self.named.values()):
                    seeds = found.seeds or (found.value,)
                    row |= {"seeds": len(seeds), "lowest seed": min(seeds), "highest seed": max(seeds)}
                rows.append(row)
        return rows

    @cached_property
    def differences(self) -> Table:
        """Return a row for each other setting and language: points above the baseline, over the same questions."""
        rows = []
        for name, jobs in self.named.items():
            for code in self.languages if self.baseline in self.named and name != self.baseline else ():
                pairs, images = self._pairs(jobs, code), self.of(jobs[0]).images
                if pairs and (found := difference([one for one, _ in pairs], [other for _, other in pairs], images)):
                    rows.append({"setting": name, "language": language_name(code), **found})
        return corrected(rows)

    def _pairs(self, jobs: list[Job], code: str) -> list[tuple[dict[str, float], dict[str, float]]]:
        """Return the scores of the baseline beside those of the jobs with the same seed."""
        key = "" if [axis.key for axis in self.axes] == ["seed"] else "seed"
        first = {given(job["overrides"]).get(key): self.of(job).of(code) for job in self.named[str(self.baseline)]}
        both = ((first.get(given(job["overrides"]).get(key)), self.of(job).of(code)) for job in jobs)
        return [(one, other) for one, other in both if one and other]

    def best(self) -> list[dict[str, Any]]:
        """Return, for each language or for the headline, the best setting and the baseline."""
        rows, made = self.of_settings(), []
        for what in dict.fromkeys(row["what"] for row in rows):
            of = sorted(
                (r for r in rows if r["what"] == what), key=lambda row: row["setting"] != self.baseline
            )  # wins ties
            best = HEADLINES.get(what, max)(of, key=lambda row: row["value"])
            first = next((row for row in of if row["setting"] == self.baseline), None)
            made.append({"what": what, "best": best, "baseline": first})
        return made

    def grids(self) -> list[dict[str, Any]]:
        """Return for two axes a grid for each language. rows: (value of the first axis, a point or None for each value of
        the second one)."""
        if len(self.axes) != 2:
            return []
        down, across = self.axes
        at = {tuple(point(name, self.named, self.axes)): points for name, points in self.points.items()}
        names = dict.fromkeys(what for points in at.values() for what in points)
        return [
            {"what": what, "rows": [(y, [at.get((y, x), {}).get(what) for x in across.values]) for y in down.values]}
            for what in names
        ]

    def together(self) -> dict[str, Any]:
        """Return the seconds and dollars of all stages, each counted once, and how many of them several jobs use."""
        uses = [path for job in self.jobs for path in self.of(job).directories.values()]
        once = {path: of.manifests[name] for of in self._measured.values() for name, path in of.directories.items()}
        paid = [usd for manifest in once.values() if (usd := manifest["counts"].get("usd")) is not None]
        return {
            "seconds": round(sum(manifest["seconds"] for manifest in once.values()), 1),
            "usd": round(sum(paid), 4) if paid else None,
            "shared": sum(uses.count(path) > 1 for path in once),
        }
