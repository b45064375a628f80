"""The page of a sweep: its axes, the figure that fits, differences in every language, the tables beside it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import ain
from conftest import PICO
from hydra import compose, initialize_config_dir
from swept import made_sweep
from test_config import config
from test_pages import check

from ain import UserError
from ain.metrics.significance import holm, sign_flips
from ain.pipeline.choices import experiments
from ain.pipeline.graph import Graph
from ain.pipeline.job_file import planned
from ain.report.axes import axes, baseline, setting
from ain.report.sweep import report_sweep
from ain.runtime.paths import CONF, EXPERIMENTS
from ain.storage.tables import read_table

SWEEP = {"command": ["run", "-m"], "started": 1.0, "commit": "0123456789abcdef"}
THRESHOLDS = [["thresholds=default"], ["thresholds=strict"], ["thresholds=none"]]


def page(outputs: Path, overrides: list[list[str]], chosen: str | None = None, **more: Any) -> Path:
    where = outputs / "report" / "sweeps" / "0"
    report_sweep(made_sweep(outputs, overrides, **more), where, SWEEP, chosen)
    check(where / "index.html")
    return where


@pytest.mark.parametrize(
    ("typed", "values", "numeric"),
    [
        (["0.9", "0.8"], ("0.8", "0.9"), True),
        (["3", "1e-5"], ("1e-5", "3"), True),
        (["'b'", "a"], ("b", "a"), False),
        (["null", "0.8"], ("null", "0.8"), False),
        (["[1,2]", "[1]"], ("[1,2]", "[1]"), False),
        (["{rank:8}", "null"], ("{rank:8}", "null"), False),
        (["True", "False"], ("true", "false"), False),
    ],
)
def test_an_axis_is_numeric_if_all_its_values_are_numbers(
    typed: list[str], values: tuple[str, ...], numeric: bool
) -> None:
    jobs = [[f"+key={value}", "same=1", f"seed={seed}"] for value in typed for seed in (0, 1)]
    (axis,) = axes(jobs)
    assert (axis.key, axis.values, axis.numeric) == ("key", values, numeric)


def test_seed_is_an_axis_where_there_is_no_other() -> None:
    assert [axis.key for axis in axes([["seed=0"], ["seed=1"]])] == ["seed"]


def test_choices_get_bars_and_a_failed_job_a_line(tmp_path: Path) -> None:
    where = page(tmp_path, [*THRESHOLDS, ["thresholds=loose"]], failing=3)
    assert [path.name for path in (where / "figures").iterdir()] == ["bars.png"]
    html = (where / "index.html").read_text(encoding="utf-8")
    assert "<h1>Sweep over thresholds</h1>" in html
    assert '3 done</span>, <span class="bad">1 failed</span>' in html
    assert "no such file" in html
    rows = read_table(where / "tables" / "jobs.csv")
    assert [row["status"] for row in rows] == ["done"] * 3 + ["failed"]
    first = rows[0]
    assert first["tuned Arabic, low"] < first["tuned Arabic"] < first["tuned Arabic, high"]
    assert (first["translations kept"], first["trained on"], first["usd"], first["memory_gb"]) == (70, 80, 0.25, 1.5)
    assert [row["seconds"] for row in rows] == [14.0, 14.0, 14.0, 1.5]  # the shared stage counts in each
    assert "1 stage is shared by several jobs and counted in each; counted once, all stages took 39.0 seconds" in html


def test_numbers_get_a_curve_over_the_mean_of_seeds(tmp_path: Path) -> None:
    jobs = [[f"mixture.size={size}", f"seed={seed}"] for size in (1600, 100) for seed in (0, 1)]
    where = page(tmp_path, jobs, "mixture.size=100", accuracies=[0.9, 0.9, 0.2, 0.2])
    assert [path.name for path in (where / "figures").iterdir()] == ["curve.png"]
    assert "Sweep over mixture.size, 2 seeds" in (where / "index.html").read_text(encoding="utf-8")
    by_job = {row["job"]: row["tuned Arabic"] for row in read_table(where / "tables" / "jobs.csv")}
    settings = {(row["setting"], row["what"]): row for row in read_table(where / "tables" / "settings.csv")}
    small = settings["mixture.size=100", "Arabic"]
    seeds = sorted(by_job[f"mixture.size=100 seed={seed}"] for seed in (0, 1))
    assert small["value"] == pytest.approx(sum(seeds) / 2, abs=0.06)
    assert [small["lowest seed"], small["highest seed"]] == seeds
    differences = read_table(where / "tables" / "differences.csv")
    assert [(row["setting"], row["language"], row["seeds"]) for row in differences] == [
        ("mixture.size=1600", "English", 2),
        ("mixture.size=1600", "Arabic", 2),
    ]
    gap = settings["mixture.size=1600", "Arabic"]["value"] - small["value"]
    assert differences[1]["difference"] == pytest.approx(gap, abs=0.11)
    assert differences[1]["p (Holm)"] == pytest.approx(
        2 * differences[1]["p"]
    )  # two comparisons, both as sure as can be
    assert differences[1]["images"] == 30


def test_two_axes_get_a_grid_for_each_language_and_three_only_a_table(tmp_path: Path) -> None:
    two = [[f"thresholds={name}", f"mixture.size={size}"] for name in ("default", "none") for size in (10, 9)]
    where = page(tmp_path / "two", two)
    assert not (where / "figures").exists()
    text = (where / "index.md").read_text(encoding="utf-8")
    for language in ("English", "Arabic"):
        assert f"## {language} by thresholds and mixture.size\n\n| thresholds | 9 | 10 |" in text
    assert (where / "index.html").read_text(encoding="utf-8").count('class="n heat"') == 8
    three = [[f"a={a}", f"b={b}", f"c={c}"] for a in "xy" for b in "xy" for c in "xy"]
    where = page(tmp_path / "three", three)
    assert not (where / "figures").exists()
    assert "heat" not in (where / "index.html").read_text(encoding="utf-8").partition("</style>")[2]


def test_the_baseline_is_chosen_by_words() -> None:
    names = ["thresholds=none model.lora={rank: 8}", "thresholds=none", "thresholds=default model.freeze_vision=true"]
    assert baseline(names, None) == names[0]
    assert baseline(names, "thresholds=none") == names[1]  # the whole name counts more than a part
    assert baseline(names, "model.freeze_vision=True") == names[2]
    with pytest.raises(UserError, match="means none of the settings; choose one of thresholds=none model"):
        baseline(names, "thresholds=strict")
    with pytest.raises(UserError, match="means several of the settings; choose one of thresholds=none model"):
        baseline([names[0], "thresholds=none a=1"], "thresholds=none")


def test_another_baseline_is_another_page_of_the_same_sweep(tmp_path: Path) -> None:
    words = ("collect", "-m", "source.scenes=2,3", "source.authentic=0", "tracker=disabled", f"output_dir={tmp_path}")
    assert ain(*words).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("data/*/manifest.json")}
    assert ain(*words, "report.baseline=source.scenes=3").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("data/*/manifest.json")} == before
    (where,) = tmp_path.glob("report/sweeps/*/index.md")
    assert "- kept: best `source.scenes=3` 24, the baseline" in where.read_text(encoding="utf-8")
    assert (where.parent / "figures" / "curve.png").exists()
    refused = ain(*words, "report.baseline=source.scenes=4")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        "ain: report.baseline=source.scenes=4: means none of the settings; choose one of source.scenes=2, source.scenes=3"
    )


def test_chance_explains_what_it_can() -> None:
    assert sign_flips([[1.0, 1.0], [1.0]]) == pytest.approx(0.5)  # of four signs, two give as much
    assert sign_flips([[0.5, -0.5], [0.0]]) == 1.0
    assert sign_flips([[1.0]] * 10) == pytest.approx(2 / 2**10)
    assert sign_flips([[1.0], [-1.0]] * 20) == pytest.approx(1.0, abs=0.01)
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # Holm (1979): times 3, 2, 1, never falling
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("name", [name for name in experiments() if name.startswith("ain/ablations/")])
def test_each_ablation_resolves_and_knows_its_baseline(name: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", overrides=[f"experiment={name}"], return_hydra_config=True)
        jobs = planned(cfg) or []
    along = axes(jobs)
    assert len(along) == 1
    names = [setting(words, along) for words in jobs]
    assert baseline(names, cfg.report.baseline) in names
    for words in {name: words for name, words in zip(names, jobs, strict=True)}.values():
        assert Graph(config(*words)).targets
    text = (EXPERIMENTS / f"{name}.yaml").read_text(encoding="utf-8")
    assert all(f"# {word}" in text for word in ("Question:", "Command:  ain run", "Expected:", "Axes:", "Needs:"))


@pytest.mark.slow
def test_ablations_run_and_draw_what_fits(pico: Path, tmp_path: Path) -> None:
    outputs = Path(shutil.copytree(pico, tmp_path / "outputs"))
    for name, more, figure in (
        ("frozen_vision", ("seed=0",), "bars"),
        ("data_size", ("mixture.size=20,40", "seed=0,1", "report.baseline=mixture.size=40"), "curve"),
    ):
        result = ain("run", f"ain/ablations/{name}", *PICO, f"output_dir={outputs}", *more)
        assert result.returncode == 0, result.stderr
        (made,) = outputs.glob(f"report/sweeps/*/figures/{figure}.png")
        rows = read_table(made.parent.parent / "tables" / "jobs.csv")
        assert {row["status"] for row in rows} == {"done"}
        assert all(row["trained on"] and row["tuned English"] is not None for row in rows)
        check(made.parent.parent / "index.html")
        assert len(read_table(made.parent.parent / "tables" / "differences.csv")) == 2  # English and Arabic
