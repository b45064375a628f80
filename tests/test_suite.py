"""A suite asks several benchmarks: what one of them lacks is named, and does not cost the others."""

import json
from pathlib import Path

import pytest
from commands import ain
from test_config import config

from ain import UserError
from ain.benchmark.miniature import MiniatureBenchmark
from ain.pipeline.asked import pairs
from ain.storage.manifest import read_manifest
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
    assert "no benchmark asks such a question (of one, lost, two, lost it is not known); correct or remove it" in last


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
