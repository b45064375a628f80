"""Probes test verifiers on the paper's pairs and on good and poor translations; unavailable ones are named."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from commands import ain
from wandb_files import runs

from ain import UserError
from ain.metrics import detection
from ain.miniature.world import DOMAINS, World
from ain.pipeline.build import build
from ain.pipeline.values import checked
from ain.report.reproduction import compare, lines
from ain.runtime.paths import EXPERIMENTS
from ain.source.miniature import MiniatureSource
from ain.stages.collect import collect
from ain.stages.probe import probe
from ain.storage.listing import mark_done
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


def job(choice: str, status: str = "done", **more: Any) -> dict[str, Any]:
    return {"overrides": [f"verifier={choice}"], "status": status, **more}


def test_reproducing_a_figure_whose_columns_are_choices(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "pairs.csv").write_text('"pair","similarity"\n"1.1",0.5\n')
    paper = {"table": "ain/fig14", "group": "verifier", "ours": "probe/pairs", "key": "pair", "value": "similarity"}
    paper |= {"columns": {"labse": "labse", "minilm": "all_mpnet"}, "stand_ins": ["minilm"]}
    jobs = [job("minilm", directories={"probe": str(tmp_path)}), job("labse", "unavailable", error="no network")]
    table = compare(jobs, paper)
    assert len(table) == 28
    first = {"verifier": "minilm", "row": "1.1", "what": "all_mpnet", "paper": 0.153, "ours": 0.5}
    assert table[0] == {**first, "difference": None, "samples": None, "stand_in": "model"}
    (real,) = (row for row in compare(jobs, paper | {"stand_ins": []}) if row["ours"] is not None)
    assert real == {**first, "difference": 0.347, "samples": None, "stand_in": None}
    said = "\n".join(lines(table, paper, jobs))
    assert "minilm stands in for all_mpnet" in said
    assert "no difference is given against a stand-in" in said
    assert "labse is unavailable: no network" in said
    assert said.count("labse") == 1


@pytest.mark.parametrize(
    ("choice", "source", "stands", "said"),
    [
        (
            "gpt_4o",
            "ain.source.miniature.MiniatureSource",
            "data",
            "data: drawn scenes of the miniature, a stand-in (7 ",
        ),
        ("miniature", "ain.source.miniature.MiniatureSource", "model and data", "miniature stands in for GPT-4o-mini"),
        ("gpt_4o", "ain.source.folder.Folder", None, "data: your data (7 samples); the paper: 25 samples (total time"),
    ],
)
def test_a_comparison_names_the_data_and_their_number(
    tmp_path: Path, choice: str, source: str, stands: str | None, said: str
) -> None:
    """And gives no difference where the model or the data stand in."""
    for stage, counts, settings in (("collect", {}, {"source": {"_target_": source}}), ("rate", {"input": 7}, {})):
        (tmp_path / stage).mkdir()
        mark_done(tmp_path / stage, {"counts": counts, "settings": settings})
    paper = yaml.safe_load((EXPERIMENTS / "ain" / "table4.yaml").read_text(encoding="utf-8"))["paper"]
    made = {"overrides": [f"translator={choice}"], "status": "done", "headline": {"accuracy_pct": 80.0}}
    jobs = [made | {"directories": {stage: str(tmp_path / stage) for stage in ("collect", "rate")}}]
    table = compare(jobs, paper)
    row = next(row for row in table if row["what"] == "accuracy_pct")
    assert (row["samples"], row["stand_in"]) == (7, stands)
    assert row["difference"] == (None if stands else -10.0)
    shown = lines(table, paper, jobs)
    assert any(line.startswith(said) for line in shown)
    assert any("no difference is given against a stand-in" in line for line in shown) == bool(stands)


def test_fig14_offline(tmp_path: Path) -> None:
    """Uses real MiniLM weights, similar to the paper's all-mpnet. Missing encoders are named, which is not a failure."""
    words = ["reproduce", "ain/fig14", "verifier=labse,cometkiwi,minilm", "tracker=offline", f"output_dir={tmp_path}"]
    result = ain(*words)
    assert result.returncode == 0, result.stderr[-3_000:]
    assert "labse is unavailable: sentence-transformers/LaBSE: cannot be fetched" in result.stdout
    ours = [line.split() for line in result.stdout.splitlines() if line.startswith("minilm  ")]
    assert len(ours) == 14
    assert all(abs(float(words[4]) - float(words[3])) < 0.15 and words[5] == "–" for words in ours)
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
