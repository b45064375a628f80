"""A dry run tells the time of a stage from an earlier run of the same settings over other data."""

from pathlib import Path

from test_config import config

import ain as package
from ain.pipeline import pace
from ain.pipeline.graph import Graph
from ain.pipeline.stages import STAGES

SAMPLE = ["source.scenes=1", "source.authentic=0"]


def _said(out: Path, *words: str) -> str:
    graph = Graph(config("source.scenes=5", "source.authentic=0", f"output_dir={out}", *words), [STAGES["screen"]])
    return "\n".join(pace.lines(graph, lambda source: 40))


def test_an_earlier_run_of_a_sample_tells_the_time(tmp_path: Path) -> None:
    assert _said(tmp_path, "screener=none").startswith("time of stages: no earlier run with these settings")
    run = package.run("screen", [*SAMPLE, "screener=none", f"output_dir={tmp_path}"])
    manifest = run.directory / "manifest.json"
    said = _said(tmp_path, "screener=none")
    assert "40 records; 8 took" in said
    assert f"({run.directory.name})" in said
    assert "in all" in said

    other = _said(tmp_path, "screener=miniature")
    assert "collect" in other.splitlines()[1]
    assert "time of screen: no earlier run with these settings" in other

    manifest.write_text("{", encoding="utf-8")  # a damaged run tells nothing and stops nothing
    assert "time of screen: no earlier run" in _said(tmp_path, "screener=none")


def test_time_grows_with_the_records(tmp_path: Path) -> None:
    run = package.run("collect", [*SAMPLE, f"output_dir={tmp_path}"])
    graph = Graph(config("source.scenes=5", f"output_dir={tmp_path}"), [STAGES["collect"]])
    found = pace.longest(graph.targets[0])
    assert found is not None
    assert (found.directory, found.records) == (run.directory, 8)
    assert pace.Run(Path(), 30.0, 200, "here").of(2_000) == 300.0
