"""The whole pipeline at pico size: counts add up, nothing is done twice, and pages show the results."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from commands import ain
from conftest import PICO

from ain.pipeline.sweep import without_effect
from ain.storage.manifest import read_manifest
from ain.storage.shards import Shards
from ain.storage.tables import read_table

Stages = Callable[[Path], dict[str, list[Path]]]


def times(outputs: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in (outputs / "data").glob("*/manifest.json")}


@pytest.fixture
def outputs(pico: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished pico run to continue from."""
    return Path(shutil.copytree(pico, tmp_path / "outputs"))


def test_every_stage_leaves_counts_that_add_up(pico: Path, stages: Stages) -> None:
    made = stages(pico)
    assert list(made) == [
        "collect",
        "translate",
        "verify",
        "back_translate",
        "screen",
        "select",
        "mix",
        "tokenize",
        "train",
        "predict",
        "grade",
        "probe",
    ]
    for name, directory in ((name, one) for name, of in made.items() for one in of):
        counts = read_manifest(directory)["counts"]
        if name not in ("train", "probe"):
            shards = Shards(
                directory, suffix="arrow" if name in ("verify", "back_translate", "tokenize") else "parquet"
            )
            assert counts["kept"] + counts["rejected"] == counts["input"]
            assert (shards.count(), shards.count("rejected")) == (counts["kept"], counts["rejected"])
            assert all(row["reasons"] for row in shards.rows(part="rejected"))
    assert read_manifest(made["collect"][0])["counts"]["kept"] == 3 * (12 + 4)


def test_a_manifest_says_what_was_run(pico: Path, stages: Stages) -> None:
    """Settings with the defaults of classes, what was set beside them, what it follows, with which code, where and when."""
    made = stages(pico)
    for directory in (one for of in made.values() for one in of):
        manifest = read_manifest(directory)
        assert {"torch", "transformers", "datasets", "ain"} <= set(manifest["versions"])
        assert manifest["host"]
        assert manifest["finished"]
        assert manifest["commit"] is None or len(manifest["commit"].removesuffix("-dirty")) == 40
        numbers = json.loads((directory / "metrics.json").read_text())
        assert all(isinstance(value, int | float) for value in numbers.values())
    translate = read_manifest(made["translate"][0])
    assert translate["settings"]["translator"]["prefix"] == ""  # which no config names
    assert translate["settings"]["translator"]["checkpoint"] == "miniature:translator?steps=80&domains=vqa.ocr.cultural"
    assert translate["how"]["translator"] == {"batch_size": 64, "device": "cpu"}
    assert translate["follows"] == {"collect": made["collect"][0].name}
    assert json.loads((made["grade"][0] / "metrics.json").read_text())["accuracy/shown/ar/all"] >= 0


def test_a_manifest_holds_no_login() -> None:
    from test_config import config

    from ain.pipeline.graph import Graph
    from ain.pipeline.manifests import manifest
    from ain.pipeline.stages import STAGES

    url = "translator.how.base_url=https://me:secret@example.org/v1"
    cfg = config("translator=openai_compatible", "translator.model=any", url)
    (node,) = Graph(cfg, [STAGES["translate"]]).targets
    said = json.dumps(manifest(node, {}, 0.0))
    assert "//***@example.org/v1" in said
    assert "secret" not in said


def test_the_same_again_makes_nothing(outputs: Path) -> None:
    before = times(outputs)
    result = ain("run", *PICO, f"output_dir={outputs}")
    assert result.returncode == 0
    assert times(outputs) == before
    job = json.loads(next((outputs / "runs").glob("*/job.json")).read_text())
    assert (job["status"], job["made"]) == ("done", [])


def test_how_recomputes_nothing(outputs: Path) -> None:
    before = times(outputs)
    assert (
        ain(
            "evaluate", *PICO, f"output_dir={outputs}", "translator.how.batch_size=3", "predictor.how.batch_size=5"
        ).returncode
        == 0
    )
    assert times(outputs) == before


def test_a_sweep_shares_what_it_can(outputs: Path, stages: Stages) -> None:
    words = [word for word in PICO if word != "thresholds=none"]
    result = ain("run", "-m", "thresholds=strict,paper,none", *words, f"output_dir={outputs}")
    assert result.returncode == 0, result.stderr
    numbers = {name: len(directories) for name, directories in stages(outputs).items()}
    assert numbers == {
        **dict.fromkeys(("collect", "translate", "verify", "back_translate", "screen", "probe"), 1),
        **dict.fromkeys(("select", "mix", "tokenize", "train"), 3),
        **dict.fromkeys(("predict", "grade"), 4),  # of three tuned models and of the base
    }
    (where,) = (outputs / "report" / "sweeps").iterdir()
    page = (where / "index.md").read_text()
    assert page.count("| done |") == 3
    jobs = read_table(where / "tables" / "jobs.csv")
    differences = read_table(where / "tables" / "differences.csv")
    for row, select, train in zip(jobs, *(_counts(outputs, jobs, name) for name in ("select", "train")), strict=True):
        assert row["translations kept"] == select["translations"]["kept"]
        assert row["translations"] == select["translations"]["judged"] == 36
        assert row["trained on"] == train["samples"]
        assert f"translations kept {row['translations kept']}  trained on {row['trained on']}" in result.stderr
    assert {row["setting"] for row in differences} == {"thresholds=paper", "thresholds=none"}
    for choice in ("strict", "paper", "none"):
        assert any(f"thresholds={choice}" in line and "done" in line for line in result.stderr.splitlines())
        assert f"thresholds={choice}" in page


def _counts(outputs: Path, jobs: list[dict[str, Any]], stage: str) -> list[dict[str, Any]]:
    """Return the counts of a stage in each job of the sweep."""
    made = [json.loads(path.read_text()) for path in (outputs / "runs").glob("sweep-*/*/job.json")]
    directories = {job["overrides"][0]: job["directories"][stage] for job in made}
    return [read_manifest(Path(directories[row["job"]]))["counts"] for row in jobs]


def test_shards_of_several_hundred_rows_or_one_are_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ain.source.miniature import MiniatureSource
    from ain.stages import collect

    rows = []
    for size in (2_000, 7):
        monkeypatch.setattr(collect, "SHARD_ROWS", size)
        collect.collect(MiniatureSource(scenes=10, authentic=2), tmp_path / str(size))
        rows.append(list(Shards(tmp_path / str(size)).rows()))
    assert rows[0] == rows[1]
    assert len(Shards(tmp_path / "7")) == 14


@pytest.mark.parametrize("language", ["en", "ar"])
def test_people_bring_their_own_folder(outputs: Path, tmp_path: Path, language: str, stages: Stages) -> None:
    from PIL import Image

    mine = tmp_path / "mine"
    mine.mkdir()
    question, answer = {
        "en": ("What is on the table?", "Two cats and 3 books."),
        "ar": ("ماذا على الطاولة؟", "قطتان وثلاثة كتب."),
    }[language]
    rows = []
    for i in range(4):
        Image.new("RGB", (200 + i, 150), (40 * i, 90, 120)).save(mine / f"{i}.jpg")
        rows.append(
            {
                "id": i,
                "image": f"{i}.jpg",
                "conversations": [{"from": "human", "value": f"<image>\n{question}"}, {"from": "gpt", "value": answer}],
            }
        )
    rows.append({"id": 9, "image": "gone.jpg", "conversations": rows[0]["conversations"]})
    (mine / "data.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    words = [word for word in PICO if not word.startswith(("source", "benchmark"))]
    words = ["run", "source=folder", f"source.path={mine}", *words, f"output_dir={outputs}"]
    refused = ain(*words)
    assert refused.returncode == 1
    assert "model, screener, translator, verifier: the miniature's know only its drawn scenes" in refused.stderr
    assert "benchmark=held_out;" in refused.stderr
    assert "verifier=all_mpnet|" in refused.stderr
    result = ain(*words, "allow_toys=true", "benchmark=held_out", "mixture.validation=0.5")
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    collected = next(
        read_manifest(d)["counts"] for d in stages(outputs)["collect"] if read_manifest(d)["counts"]["input"] == 5
    )
    assert (collected["kept"], collected["rejected"], collected["languages"]) == (4, 1, {language: 4})
    asked = [read_manifest(d)["counts"] for d in stages(outputs)["grade"] if (d / "kept").glob("*")]
    held_out = next(counts for counts in asked if "general" in next(iter(counts["accuracy"]["shown"].values())))
    assert held_out["input"] > 0
    page = Path(result.stdout.splitlines()[-1])
    assert page.parent == outputs / "report" / "jobs"
    assert "image not found" in (page / "index.md").read_text()


def test_the_report_shows_the_run(pico: Path, stages: Stages) -> None:
    (where,) = (pico / "report" / "jobs").iterdir()
    page = (where / "index.html").read_text(encoding="utf-8")
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert 'dir="rtl"' in page
    for title in (
        "What went in, what came out",
        "Why records were rejected",
        "Translations",
        "What verification catches",
        "probe pairs",
        "Accuracy on the questions of miniature",
    ):
        assert title in page
    assert page.count("data:image/png;base64,") >= 5
    assert f'href="jobs/{where.name}/index.html"' in (pico / "report" / "index.html").read_text(encoding="utf-8")
    text = (where / "index.md").read_text(encoding="utf-8")
    trained = read_manifest(stages(pico)["train"][0])["counts"]["samples"]
    tuned, base = (line for line in text.splitlines() if re.match(r"\| (tuned|base) \| ar \| shown \| all ", line))
    tuned, base = sorted((tuned, base), reverse=True)
    assert tuned.rstrip().endswith(f"| 36 | {trained} |")
    assert base.rstrip().endswith("| – | – |")
    assert f"was trained on {trained} conversations" in page
    for figure in ("pairs", "curves", "safety", "loss", "accuracy"):
        assert f"figures/{figure}.png" in text
        assert (where / "figures" / f"{figure}.png").stat().st_size > 1_000


def test_a_schema_stands_also_in_an_empty_shard(pico: Path, stages: Stages) -> None:
    for directory in (stages(pico)[name][0] for name in ("collect", "translate", "verify", "screen", "select")):
        for path in (directory / "rejected").glob("*.parquet"):
            assert {"id", "reasons"} <= set(pq.read_schema(path).names)


def test_a_key_of_a_sweep_without_effect_is_named() -> None:
    def job(directory: str, *overrides: str) -> dict[str, Any]:
        return {"status": "done", "overrides": list(overrides), "directories": {"translate": directory}}

    jobs = [job(f"a{t}", f"thresholds.bleu={t}", f"prompt={p}") for t in (0.5, 0.6) for p in ("arabic", "english")]
    assert without_effect(jobs) == ["prompt"]
    assert without_effect(jobs[:1]) == []
    assert without_effect([*jobs, job("b", "thresholds.bleu=0.6", "prompt=mine")]) == []
