"""A suite asks several benchmarks: what one of them lacks is named, and does not cost the others."""

import json
from pathlib import Path

import pytest
from commands import ain
from test_benchmark_table import small
from test_config import config

from ain import UserError
from ain.benchmark.estimated import SAMPLE, estimated
from ain.benchmark.miniature import MiniatureBenchmark
from ain.benchmark.opened import Opened
from ain.chat import user_message
from ain.chat.openai_api import OpenAIModel
from ain.chat.tokens import request_tokens
from ain.pipeline.asked import pairs
from ain.pipeline.choices import options
from ain.pipeline.graph import Graph
from ain.pipeline.toys import refuse_toys
from ain.storage.manifest import read_manifest
from ain.storage.revisions import weight_bytes
from ain.storage.tables import read_table

DATA = ("source.scenes=12", "source.authentic=4", "mixture=english", "screener=none", "thresholds=none")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two models with files of answers, and a suite of three benchmarks, of which one cannot be opened."""
    folder = tmp_path_factory.mktemp("suite")
    items = list(MiniatureBenchmark(scenes=2, questions=2, domains=("vqa",)).items())
    rows = [json.dumps({"id": f"{item.id}/shown", "text": item.labels[0]}) for item in items]
    (folder / "answers.jsonl").write_text("\n".join(rows))
    (folder / "rows.jsonl").write_text(json.dumps({"question": "Is it red?", "answer": "yes", "category": "x"}))
    toy = ("scenes=2", "questions=2", "images=[shown]", "domains=[vqa]")
    made = ["+benchmark@benchmarks.lost=pope", f"benchmarks.lost.path={folder}/absent", "benchmarks.lost.name=lost"]
    made += ["+benchmark@benchmarks.toy=miniature", *(f"benchmarks.toy.{word}" for word in toy)]
    made += [
        "+benchmark@benchmarks.open=pope",
        f"benchmarks.open.path={folder}/rows.jsonl",
        "benchmarks.open.name=open",
    ]
    made += ["benchmarks.open.fields.images=[]", "models=[one,two]", "predictor=answers", "tracker=disabled"]
    made += [f"predictor.path={folder}/answers.jsonl", "predictor.how.skip_unanswered=true"]
    return [*made, f"output_dir={folder}/outputs"]


def test_two_benchmarks_of_one_name_are_refused_by_their_keys() -> None:
    """Otherwise the second one's results would stand where the first one's are."""
    twice = ("+benchmark@benchmarks.one=pope", "+benchmark@benchmarks.two=pope")
    said = r"benchmarks\.one and benchmarks\.two have the same name, pope; .* benchmarks\.two\.name=two"
    with pytest.raises(UserError, match=said):
        list(pairs(config(*twice)))
    assert len(list(pairs(config(*twice, "benchmarks.two.name=two")))) == 4  # two models
    toys = ("+benchmark@benchmarks.one=miniature", "+benchmark@benchmarks.two=miniature")
    with pytest.raises(UserError, match="have the same name, miniature; remove one of them"):
        list(pairs(config(*toys)))
    with pytest.raises(
        UserError, match=r"benchmarks\.mine: no such benchmark; add one with \+benchmark@benchmarks\.mine"
    ):
        list(pairs(config("+benchmarks.mine.limit=3")))


@pytest.mark.parametrize("suite", options("suite"))
def test_the_values_of_a_suite_are_complete(suite: str) -> None:
    """A value may not read as one that is missing, as three question marks do."""
    assert list(pairs(config(f"suite={suite}", "models=[base]")))


def test_an_id_is_looked_for_in_the_benchmarks_that_can_be_opened(words: list[str]) -> None:
    known = next(iter(MiniatureBenchmark(scenes=2, questions=2, domains=("vqa",)).items())).id
    found = ain("evaluate", *words, f"records=[{known}]")
    assert "2 of 6 evaluations are missing: one, lost: benchmark.path=" in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr
    for pair in ("one, toy", "two, toy", "one, open"):
        assert f"ain: grade ({pair})" in found.stderr.splitlines()
    unknown = ain("evaluate", *words, "records=[nobody]")
    assert unknown.returncode != 0
    last = unknown.stderr.splitlines()[-1]
    assert "no benchmark asks such a question (of one, lost; two, lost it is not known); correct or remove it" in last


def test_overlap_is_found_for_the_benchmarks_that_are_there(words: list[str]) -> None:
    first = ain("overlap", *words, *DATA)
    assert first.returncode != 0
    assert "ain: made without one, lost: benchmark.path=" in first.stderr.splitlines()[-1]
    outputs = Path(words[-1].removeprefix("output_dir="))
    (out,) = (path.parent for path in outputs.glob("data/*-overlap-*/manifest.json"))
    assert read_manifest(out)["counts"]["kept"] == 2 * 2 * 2 + 1  # scenes, questions, languages
    assert {row["benchmark"] for row in read_table(out / "tables" / "overlap.csv")} == {"miniature", "open"}
    assert {row["model"] for row in read_table(out / "tables" / "contamination.csv")} == {"one", "two"}
    kept = ain("clean", "--yes", f"output_dir={outputs}")
    assert kept.returncode == 0, kept.stderr
    assert out.is_dir()
    again = ain(
        "overlap", *words, *DATA, "~benchmarks.lost"
    )  # the same work, asked for without the benchmark that failed
    assert again.returncode == 0, again.stderr
    assert f"found done: overlap ({out})" in again.stderr


def test_a_dry_run_counts_the_questions_of_what_is_here_and_names_the_rest(words: list[str]) -> None:
    """Per model and benchmark: requests, tokens, dollars; a data set that is not here is named once, and nothing loaded."""
    server = ["predictor=gpt_6_luna", "judge=gpt_4o", "benchmarks.toy.judged=true"]
    asked = [word for word in words if not word.startswith(("predictor", "output_dir"))] + server
    away = ["+benchmark@benchmarks.away=chartqa", f"output_dir={words[-1].removeprefix('output_dir=')}/new"]
    said = ain("evaluate", *asked, *away, "dry_run=true", env={"OPENAI_API_KEY": "", "HF_HUB_OFFLINE": "1"}).stderr
    lines = [line.removeprefix("ain: ") for line in said.splitlines()]
    for model in ("one", "two"):
        assert any(line.startswith(f"predict ({model}, toy): 8 questions: 8 requests, about ") for line in lines), said
        assert any(line.startswith(f"predict ({model}, open): 1 questions: 1 requests") for line in lines)
        assert any(line.startswith(f"predict ({model}, lost): cannot be asked: benchmark.path=") for line in lines)
        assert any(line.startswith(f"grade ({model}, toy): at most 8 answers: 8 requests") for line in lines)
    assert all("$" in line for line in lines if " requests, about" in line)
    assert sum("prices of" in line for line in lines) == 2  # of the predictor's model and the judge's
    assert lines.count("to download: the data set lmms-lab/ChartQA for chartqa; its questions are counted then") == 1
    assert "Traceback" not in said


def test_a_sample_stands_for_all_questions(tmp_path: Path) -> None:
    """The estimate reads some rows; the count is that of all, their rotations and conditions too."""
    rows = [{"question": "ما هذا؟ " * 20, "options": ["أحمر", "أزرق", "أخضر"]} for _ in range(1_000)]
    benchmark = small(tmp_path, rows, rotations=True, max_new_tokens=10)
    items, total = benchmark.first(SAMPLE)
    assert (len(items), total) == (3 * SAMPLE, 3_000)
    made = estimated(OpenAIModel("gpt-4o"), benchmark, None)
    whole = sum(request_tokens([user_message(item.question, [])]) for item in benchmark.items())
    assert (made.records, made.requests, made.completion_tokens) == (3_000, 3_000, 30_000)
    assert made.prompt_tokens == pytest.approx(whole, rel=0.01)
    assert small(tmp_path, rows, limit=7).first(SAMPLE)[1] == 7
    assert small(tmp_path, rows, only={"question": "nothing"}).first(SAMPLE) == ([], 0)


@pytest.mark.parametrize("model", ["base", "tuned"])
def test_the_toy_model_is_not_asked_about_the_real_world(model: str) -> None:
    said = rf"models=\[{model}\]: the miniature's model knows only its drawn scenes, not the questions of pope; choose model="
    with pytest.raises(UserError, match=said):
        refuse_toys(Graph(config(f"models=[{model}]", "benchmark=pope", "stage=evaluate")))
    refuse_toys(Graph(config(f"models=[{model}]", "stage=evaluate")))
    refuse_toys(Graph(config(f"models=[{model}]", "benchmark=pope", "stage=evaluate", "model=qwen2_vl_2b")))


def test_what_is_in_the_cache_is_not_to_be_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set's description alone, which is fetched first, is not the data."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    data, model = (tmp_path / f"{kind}s--org--name" / "snapshots" / "abc" for kind in ("dataset", "model"))
    (data / "data").mkdir(parents=True)
    (data / "README.md").write_text("about")
    opened = Opened("org/name")
    assert opened.is_missing
    (data / "data" / "test.parquet").write_bytes(b"rows")
    assert not opened.is_missing
    assert not Opened(str(tmp_path / "absent")).is_missing  # no data set of the hub: an error says so
    model.mkdir(parents=True)
    for part in (1, 2):
        (model / f"model-{part}.safetensors").write_bytes(b"0" * 500)
    assert (weight_bytes("org/name@main"), weight_bytes(str(model)), weight_bytes("org/other")) == (1_000, 1_000, 0)
