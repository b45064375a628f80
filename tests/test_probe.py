"""Probes test verifiers on the paper's pairs and on good and poor translations; unavailable ones are named."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import ain
from wandb_files import runs

from ain import UserError
from ain.metrics import detection
from ain.miniature.world import DOMAINS, World
from ain.pipeline.build import build
from ain.pipeline.values import checked
from ain.source.miniature import MiniatureSource
from ain.stages.collect import collect
from ain.stages.probe import probe
from ain.storage.tables import read_table
from ain.verifier.probing import ProbeSettings

SETTINGS: dict[str, Any] = {
    "good": 14,
    "poor": 14,
    "kinds": ["mismatch", "number"],
    "false_rejection": 0.1,
    "threshold": 0.8,
    "target": "ar",
    "seed": 0,
}


def test_detection() -> None:
    good, poor = np.array([0.9, 0.8, 0.7, 0.6]), np.array([0.5, 0.65, 0.1, 0.2])
    assert detection.auc(good, poor) == pytest.approx(15 / 16)
    assert detection.auc(good, good) == 0.5
    assert detection.average_precision(np.ones(3), np.zeros(3)) == 1
    assert detection.threshold_for(good, 0.0) == 0.6
    assert (good < detection.threshold_for(good, 0.25)).mean() == 0.25
    value, low, high = detection.interval(detection.auc, good, poor)
    assert low <= value <= high
    assert high - low > 0.1


class Knowing:
    """A verifier that only recognises references."""

    def __init__(self) -> None:
        self.right = {
            (f"{q.question} {q.answer}", f"{q.question_ar} {q.answer_ar}")
            for domain in DOMAINS
            for _, scene in zip(range(40), World(0).scenes("train", domain), strict=False)
            for q in scene.questions
        }

    def score(self, pairs: list[tuple[str, str]]) -> np.ndarray:
        return np.array([float(pair in self.right) for pair in pairs], np.float32)


def test_good_ones_are_references_and_poor_ones_are_none(tmp_path: Path) -> None:
    collect(MiniatureSource(scenes=20, authentic=2), tmp_path / "collect")
    counts = probe(tmp_path / "collect", Knowing(), ProbeSettings(**SETTINGS), tmp_path / "probe")
    assert (counts["auc"], counts["caught_at_paper"], counts["refused_at_paper"]) == (1, 1, 0)
    with open(tmp_path / "probe" / "tables" / "tried.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = [row["kind"] for row in rows]
    assert (kinds.count("good"), kinds.count("mismatch"), kinds.count("number")) == (14, 7, 7)
    assert len({row["id"] for row in rows}) > 10
    again = probe(tmp_path / "collect", Knowing(), ProbeSettings(**SETTINGS), tmp_path / "again")
    assert again == counts


def test_a_source_without_references_is_tried_on_the_pairs_alone(tmp_path: Path) -> None:
    collect(MiniatureSource(scenes=0, authentic=3), tmp_path / "collect")
    counts = probe(tmp_path / "collect", Knowing(), ProbeSettings(**SETTINGS), tmp_path / "probe")
    assert counts["input"] == 21
    assert "auc" not in counts


@pytest.mark.slow
def test_fig14_offline(tmp_path: Path) -> None:
    """Uses real MiniLM weights, similar to the paper's all-mpnet. Missing encoders are named, which is not a failure."""
    words = ["reproduce", "ain/fig14", "verifier=labse,cometkiwi,minilm", "tracker=offline", f"output_dir={tmp_path}"]
    result = ain(*words)
    assert result.returncode == 0, result.stderr[-3_000:]
    assert "labse is unavailable: sentence-transformers/LaBSE: cannot be fetched" in result.stdout
    last = Path(result.stdout.splitlines()[-1])
    ours = [row for row in read_table(last / "comparison.csv") if row["by"] == "minilm"]
    assert len(ours) == 14
    assert all(abs(row["ours"] - row["paper"]) < 0.15 and row["difference"] is None for row in ours)
    assert (last / "figures" / "heatmap.png").exists()
    assert json.loads((last.parent / "ain-table7" / "state.json").read_text())["state"] == "stood in for"
    (where,) = tmp_path.glob("report/sweeps/*/probe")
    page = (where / "index.md").read_text(encoding="utf-8")
    separation = next(line for line in page.splitlines() if line.startswith("| minilm |")).split("|")
    assert abs(float(separation[4])) < 0.05  # it cannot tell right pairs from mismatched ones
    assert "LaBSE, as printed" in page
    assert (where / "figures" / "heatmap.png").exists()
    found = runs(tmp_path)
    assert {told.about["group"] for told in found.values()} == {"ain/fig14"}
    (together,) = (told for told in found.values() if told.about["type"] == "sweep")
    assert {"tables/reproduce", "tables/probe/separation"} <= set(together.tables())
    unavailable = [
        told.config["choice.verifier"] for told in found.values() if told.summary.get("status") == "unavailable"
    ]
    assert sorted(unavailable) == ["cometkiwi", "labse"]
    alone = ain("probe", "verifier=labse", f"output_dir={tmp_path}")
    assert alone.returncode == 1


@pytest.mark.parametrize(
    "slip", [{"kinds": ["foo"]}, {"kinds": []}, {"good": 0}, {"poor": -3}, {"false_rejection": 1}, {"target": "xx"}]
)
def test_wrong_settings_are_refused_by_their_keys(slip: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"probe.{next(iter(slip))}"):
        build(checked("probe", {"_target_": "ain.verifier.probing.ProbeSettings", **SETTINGS, **slip}))
