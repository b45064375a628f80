"""Sweeps made by hand: directories of stages as they are on disk, with answers whose scores depend on the job alone."""

from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from ain.benchmark.answers import ANSWERED
from ain.metrics.accuracy import by_domain
from ain.pipeline.jobs import labels
from ain.storage.listing import mark_done
from ain.storage.shards import Shards
from ain.storage.tables import write_table

IMAGES = 30


def made_sweep(
    outputs: Path, overrides: list[list[str]], accuracies: list[float] | None = None, failing: int | None = None
) -> list[dict[str, Any]]:
    """Return the rows of job.json of a sweep with these overrides. accuracies: of each job; failing: a job without any."""
    jobs = []
    for i, (words, label) in enumerate(zip(overrides, labels(overrides), strict=True)):
        job: dict[str, Any] = {"job": f"{i:012d}", "overrides": words, "label": label, "started": float(i)}
        collect = outputs / "data" / "01-collect-0"
        stage(collect, 1.5, {"input": 90, "kept": 90, "rejected": 0}, {"seed": 0})
        if i == failing:
            job |= {"status": "failed", "error": "no such file", "directories": {"collect": str(collect)}}
        else:
            directory = outputs / "data" / f"11-grade-{i}"
            evaluated(directory, accuracies[i] if accuracies else 0.4 + 0.05 * i, i)
            train = outputs / "data" / f"09-train-{i}"
            write_table(train / "tables" / "steps.csv", [{"step": 1, "memory_gb": 1.25}, {"step": 2, "memory_gb": 1.5}])
            stage(train, 10.0, {"samples": 80 - i}, {"seed": i})
            job |= {"status": "done", "headline": {"tuned ar": 1.0, "translations kept": 70 - i, "trained on": 80 - i}}
            directories = {"collect": collect, "train": train, "grade (tuned)": directory}
            job["directories"] = {name: str(path) for name, path in directories.items()}
        jobs.append(job)
    return jobs


def stage(directory: Path, seconds: float, counts: dict[str, Any], settings: dict[str, Any]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    mark_done(directory, {"counts": counts, "seconds": seconds, "settings": settings})


def evaluated(directory: Path, accuracy: float, seed: int) -> None:
    """Write the answers to two questions about each of IMAGES images, in two languages, and their accuracies."""
    draw, rows = Random(seed), []
    for image in range(IMAGES):
        for number in range(2):
            for language in ("en", "ar"):
                right = draw.random() < accuracy + 0.1 * (language == "en")
                texts = {name: "x" for name in ("question", "prediction", "kind", "parsed")}
                named = {"id": f"scene{image}-{number}-{language}", "domain": "ocr", "language": language}
                media = {"images": "shown", "media": [f"image{image}"], "labels": ["x"], "finish": "stop"}
                rows.append({**texts, **named, **media, "score": float(right), "chrf": float(right)})
    columns = [pa.field("parsed", pa.string()), pa.field("score", pa.float32()), pa.field("chrf", pa.float32())]
    Shards(directory, pa.schema([*ANSWERED, *columns])).create().write(0, rows)
    table = by_domain([{**row, "media": row["media"][0]} for row in rows], ["score", "chrf"])
    write_table(directory / "tables" / "accuracy.csv", table)
    stage(directory, 2.5, {"model": "tuned", "benchmark": "made", "accuracy": {}, "usd": 0.25}, {"benchmark": {}})
