"""The paper's numbers beside ours: totals that do not add up, the join, what stands in, escaping."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from swept import evaluated, stage
from test_config import config

from ain import UserError
from ain.pipeline.long import long_rows
from ain.pipeline.needs import read_experiment
from ain.report import paper
from ain.report.join import joined
from ain.report.latex import escaped, latex
from ain.report.reproduction import MEASURED, STOOD_IN, Reproduction, reproduction
from ain.report.reproduction_page import lines, write
from ain.runtime.paths import EXPERIMENTS
from ain.storage.tables import read_table, write_table

NAMES = paper.names("ain")
REPRODUCING = {
    path.stem: found
    for path in sorted((EXPERIMENTS / "ain").glob("*.yaml"))
    if (found := read_experiment(path)) and found.tables
}


def job(where: Path, directories: dict[str, Path], *overrides: str, **more: Any) -> dict[str, Any]:
    places = {name: str(path) for name, path in directories.items()}
    return {"overrides": list(overrides), "label": " ".join(overrides), "status": "done", "directories": places} | more


def rated(where: Path, source: str = "folder", translator: str = "gpt_4o", **counts: Any) -> dict[str, Any]:
    """Return a job that rated a translator, with its directory as the stage leaves it."""
    numbers = dict.fromkeys(("latency_s", "latency_total_s", "throughput_per_s", "usd_per_1000"), 1.0)
    numbers |= dict.fromkeys(("usable_pct", "chrf", "bleu", "similarity"), 50.0)
    people = {"accuracy_pct": 80.0, "accuracy_low": 70.0, "accuracy_high": 88.0, "raters": 2}
    stage(where, 1.0, {"input": 7, "latency_samples": 7, **numbers, **people, "unknown": {}} | counts, {})
    chosen = {"translator": translator, "source": source, "prompt": "arabic"}
    return job(where, {"rate": where}, f"translator={translator}", choices=chosen)


def of_table4(jobs: list[dict[str, Any]]) -> Reproduction:
    names = {"translator": {"miniature": "gpt_4o_mini"}}
    return reproduction("ain/table4", jobs, [row for one in jobs for row in long_rows(one)], names, None, [])


def test_totals_that_do_not_add_up_are_those_known() -> None:
    found = {
        (name, one.what, one.version, one.printed, one.recomputed)
        for name in NAMES
        for one in paper.discrepancies(paper.load(name))
    }
    assert found == {
        ("ain/table1", "Gemini-1.5-Pro, Total", "a", 52.38, 43.08),
        ("ain/table1", "AIN-7B's gain over GPT-4o in the abstract", "b", 3.4, 3.64),
        ("ain/table2", "AIN-7B's overall gain in the text", "a", 3.43, 3.0),
        ("ain/fig9", "all answers", "a", 100.0, 100.1),
        ("ain/fig16", "unsafe, Share", "a", 4.37, 5.44),
        ("ain/facts", "authentic share of the Arabic data, Section 2, percent, Value", "a", 30.0, 35.0),
    }
    checked = [one for name in ("ain/table1", "ain/table2", "ain/table3") for one in paper.checks(paper.load(name))]
    assert len(checked) == 13 * 2 + 2 + 2 * 2 + 4 + 20  # each row's total in both versions, the claims, the differences


def test_both_versions_are_kept() -> None:
    table = paper.load("ain/table1")
    assert (table.value("gpt_4o", "total"), table.value("gpt_4o", "total", "b")) == (60.35, 60.13)
    assert table.value("ain_7b", "total", "b") == 63.77


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": {"x": {"printed": "X", "a": [1]}}}, "as many values as columns"),
        ({"rules": [{"row": "nobody", "is": "sum", "of": ["x"]}]}, "rules name no row or column: nobody"),
        ({"colums": "metric"}, "Extra inputs are not permitted"),
    ],
)
def test_a_table_that_is_not_valid_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str
) -> None:
    good = {"title": "T", "unit": "u", "printed": {"a": "A", "b": "B"}, "values": {"x": {"printed": "X", "a": [1, 2]}}}
    monkeypatch.setattr(paper, "PAPER", tmp_path)
    (tmp_path / "ain").mkdir()
    (tmp_path / "ain" / "table1.yml").write_text(yaml.safe_dump(good | change))
    with pytest.raises(UserError, match=said):
        paper.load("ain/table1")
    with pytest.raises(UserError, match=r"paper\.table=ain/table7: choose one of ain/table1"):
        paper.load("ain/table7")


def test_each_table_and_figure_has_an_experiment_with_known_names() -> None:
    """And each says what the runner must know. Names of rows, columns and of what stands in are the paper file's."""
    assert sorted(name for one in REPRODUCING.values() for name in one.tables) == sorted(NAMES)
    for name, experiment in REPRODUCING.items():
        text = (EXPERIMENTS / "ain" / f"{name}.yaml").read_text(encoding="utf-8")
        if name != "recipe":
            assert all(f"# {word}" in text for word in ("Axes:", "Tags:", "Needs:")), name
        table = paper.load(experiment.tables[0])
        table = paper.load(f"ain/{table.of}") if table.of else table
        known = {*table.values, *table.printed, *table.same.values()}
        for dim, names in experiment.stand_in.names.items():
            if table.values:
                assert set(names.values()) <= known, (name, dim)


@pytest.mark.parametrize("name", ["table1", "table2", "table3", "table4", "table5", "fig14"])
def test_what_a_sweep_asks_are_rows_of_the_table(name: str) -> None:
    (axis,) = config(f"experiment=ain/{name}").hydra.sweeper.params.values()
    asked = {word.strip("[] ") for word in str(axis).split(",")}
    table = paper.load(f"ain/{name}")
    known = {*table.values, *table.printed}
    extra = {"minilm", "cometkiwi", "miniature"} if name == "fig14" else set()
    assert asked - extra == (known & asked) | (asked - extra)
    assert asked - extra <= known
    if name == "table1":
        assert asked == set(table.values)


def test_the_join_gives_differences_with_intervals_and_reasons(tmp_path: Path) -> None:
    jobs = [
        rated(tmp_path / "a"),
        job(tmp_path, {}, "translator=gpt_4", status="unavailable", error="it was shut down"),
    ]
    found = of_table4(jobs)
    row = next(row for row in found.rows if (row["row"], row["column"]) == ("GPT-4o", "Accuracy"))
    assert (row["paper"], row["ours"], row["low"], row["high"], row["difference"], row["n"]) == (90, 80, 70, 88, -10, 7)
    assert found.state == MEASURED
    said = "\n".join(lines(found))
    assert "gpt_4 is unavailable: it was shut down" in said
    assert "data: your data (7 samples); the paper: 25 samples" in said
    assert "3 of the paper's numbers have none of ours" in said  # of GPT-4o-mini: nobody asked


@pytest.mark.parametrize(
    ("translator", "source", "stands"),
    [("gpt_4o", "miniature", "data"), ("miniature", "miniature", "model and data"), ("miniature", "folder", "model")],
)
def test_no_difference_is_given_against_a_stand_in(tmp_path: Path, translator: str, source: str, stands: str) -> None:
    found = of_table4([rated(tmp_path / "a", source, translator)])
    row = next(row for row in found.rows if row["ours"] is not None and row["column"] == "Accuracy")
    assert (row["stand_in"], row["difference"], found.state) == (stands, None, STOOD_IN)
    said = "\n".join(lines(found))
    assert "no difference is given against a stand-in" in said
    assert ("miniature stands in for GPT-4o-mini" in said) == ("model" in stands)


def test_numbers_that_need_people_say_so(tmp_path: Path) -> None:
    none = dict.fromkeys(("accuracy_pct", "accuracy_low", "accuracy_high", "raters"))
    found = of_table4([rated(tmp_path / "a", latency_s=None, unknown={"latency_s": "rating.timed=0"}, **none)])
    said = "\n".join(lines(found))
    assert "no Accuracy: needs raters: fill in copies of rating_sheet.xlsx" in said
    assert "no Avg. time: rating.timed=0" in said


def graded(where: Path, model: str, domains: dict[str, float], benchmark: str = "miniature") -> Path:
    """Write the tables of a grade stage: a sub-domain in each domain."""
    row = {"low": 0.0, "high": 100.0, "questions": 10, "labelled": 10, "unparsed": 0, "truncated": 0, "unanswered": 0}
    rows = [
        {"language": language, "images": "shown", "domain": domain, "accuracy": value, **row}
        for language in ("ar", "en")
        for domain, value in {**domains, "all": 50.0}.items()
    ]
    kinds = [{**row, "kind": "one"} for row in rows if row["domain"] != "all"]
    write_table(where / "tables" / "accuracy.csv", rows)
    write_table(where / "tables" / "subdomains.csv", [{k: v for k, v in row.items() if k != "images"} for row in kinds])
    stage(where, 1.0, {"model": model, "benchmark": benchmark, "accuracy": {}}, {})
    return where


MODELS = {"model": {"base": "qwen2_vl_7b", "tuned": "ain_7b"}}


def test_a_total_of_ours_follows_the_papers_rule(tmp_path: Path) -> None:
    domains = dict.fromkeys(("vqa", "ocr", "video", "rs", "cdt", "agro", "cultural"), 40.0)
    paths = {"grade (tuned)": graded(tmp_path / "a", "tuned", {**domains, "medical": 80.0})}
    names = MODELS | {"benchmark": {"miniature": "ain_table1"}}
    found = reproduction("ain/table1", [], long_rows(job(tmp_path, paths, choices={})), names, None, [])
    total = next(row for row in found.rows if (row["row"], row["column"]) == ("AIN-7B", "Total"))
    assert (total["ours"], total["difference"], total["n"]) == (45.0, None, 80)
    assert total["low"] == pytest.approx(45 - (7 * 40**2 + 80**2) ** 0.5 / 8, abs=0.01)
    assert found.detail.startswith("model, benchmark; ")


def test_domains_stand_in_for_columns_and_differences_are_taken(tmp_path: Path) -> None:
    """Offline, Table 3 shows the miniature's domains in English, and how much training improved each."""
    values = {"base": {"vqa": 40.0, "ocr": 60.0}, "tuned": {"vqa": 55.0, "ocr": 60.0}}
    paths = {f"grade ({name})": graded(tmp_path / name, name, of) for name, of in values.items()}
    found = reproduction("ain/table3", [], long_rows(job(tmp_path, paths, choices={})), MODELS, "domain", [])
    ours = {(row["row"], row["column"]): row["ours"] for row in found.rows if row["ours"] is not None}
    assert ours[("Improved by", "vqa")] == 15.0
    assert set(ours) == {(row, c) for row in ("Qwen2-VL-7B", "AIN-7B", "Improved by") for c in ("vqa", "ocr")}
    assert all(row["paper"] is None for row in found.rows if row["ours"] is not None)
    assert found.state == STOOD_IN


def test_a_suite_is_averaged_over_data_sets(tmp_path: Path) -> None:
    paths = {
        f"grade (m, {name})": graded(tmp_path / name, "qwen2_vl_7b", {"vqa": value}, name)
        for name, value in (("one", 40.0), ("two", 60.0))
    }
    rows = long_rows(job(tmp_path, paths, choices={"suite": "ain_table1"}))
    (cell,) = (cell for cell in joined(paper.load("ain/table1"), rows, {}) if cell.column == "vqa")
    assert (cell.row, cell.value, cell.n, cell.stand_in) == ("qwen2_vl_7b", 50.0, 20, ())
    assert (cell.low, cell.high) == (13.9, 86.1)  # half of the root of 40² + 60²
    assert not [cell for cell in joined(paper.load("ain/table1"), rows, {}) if cell.column == "total"]


def test_a_real_benchmark_has_the_papers_columns(tmp_path: Path) -> None:
    """And no domain stands in for them, although the experiment says what does for the miniature's."""
    paths = {"grade (m, pope)": graded(tmp_path / "a", "ain_7b", {"vqa": 40.0}, "pope")}
    rows = long_rows(job(tmp_path, paths, choices={"suite": "ain_table3"}))
    (cell,) = joined(paper.load("ain/table3"), rows, MODELS, "domain")
    assert (cell.row, cell.column, cell.value, cell.stand_in) == ("ain_7b", "pope", 50.0, ())


def test_real_grades_are_read(tmp_path: Path) -> None:
    (tmp_path / "a" / "tables").mkdir(parents=True)
    evaluated(tmp_path / "a", 0.7, 0)
    write_table(tmp_path / "a" / "tables" / "subdomains.csv", [])
    rows = long_rows(job(tmp_path, {"grade (tuned)": tmp_path / "a"}, choices={}))
    assert {row["metric"] for row in rows} == {"accuracy", "chrf"}
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows if row["metric"] == "accuracy")


def test_a_figure_whose_columns_are_choices(tmp_path: Path) -> None:
    write_table(tmp_path / "a" / "tables" / "pairs.csv", [{"pair": "1.1", "similarity": 0.5}])
    stage(tmp_path / "a", 1.0, {"input": 21}, {})
    names = {"verifier": {"minilm": "all_mpnet"}}
    jobs = [
        job(tmp_path, {"probe": tmp_path / "a"}, "verifier=minilm", choices={"verifier": "minilm"}),
        job(tmp_path, {}, "verifier=labse", status="unavailable", error="no network"),
    ]
    rows = [row for one in jobs for row in long_rows(one)]
    found = reproduction("ain/fig14", jobs, rows, names, None, [])
    row = next(row for row in found.rows if row["ours"] is not None)
    assert (row["row"], row["column"], row["paper"], row["ours"]) == ("1.1", "all-mpnet-base-v2", 0.153, 0.5)
    assert (row["stand_in"], row["difference"], row["by"]) == ("model", None, "minilm")
    real = reproduction("ain/fig14", jobs, [rows[0] | {"verifier": "all_mpnet"}], {}, None, [])
    assert next(row for row in real.rows if row["ours"] is not None)["difference"] == 0.347
    said = "\n".join(lines(found))
    assert "labse is unavailable: no network" in said
    assert "minilm stands in for all-mpnet-base-v2: its numbers are its own" in said


def test_files_are_escaped_and_complete(tmp_path: Path) -> None:
    hostile = r"<script>alert(1)</script> 50% of $x_1 & {y} #2 \input{z}"
    one = job(tmp_path, {}, "translator=gpt_4", status="unavailable", error=hostile)
    where = write(
        of_table4([rated(tmp_path / "a"), one]), tmp_path / "out", "ain/table4", [{"metric": "x", "value": 1}]
    )
    assert {path.name for path in where.iterdir()} == {
        "index.html", "index.md", "table.tex", "comparison.csv", "measures.csv", "state.json",
    }  # fmt: skip
    for name in ("index.html", "index.md"):
        assert "<script>alert" not in (where / name).read_text(encoding="utf-8")
    page = (where / "index.md").read_text(encoding="utf-8")
    assert "| GPT-4o, ours: measured | 1.0 | 1.0 | 80.0 (70.0 – 88.0) |" in page
    assert "| GPT-4o, difference | -102 | -3.16 | -10 |" in page
    tex = (where / "table.tex").read_text(encoding="utf-8")
    assert r"50\% of \$x\_1 \& \{y\} \#2 \textbackslash{}input\{z\}" in tex
    assert json.loads((where / "state.json").read_text())["state"] == MEASURED
    assert len(read_table(where / "comparison.csv")) == 9


def test_a_figure_without_numbers_has_no_table_for_latex(tmp_path: Path) -> None:
    """LaTeX refuses a table without columns."""
    where = write(reproduction("ain/fig4", [job(tmp_path, {})], [], {}, None, []), tmp_path / "out", "ain/fig4", [])
    assert "index.html" in {path.name for path in where.iterdir()}
    assert not (where / "table.tex").exists()


def test_latex_is_a_table_of_booktabs() -> None:
    rows = [{"a": "x & y", "b": 1.5, "c": None}, {"a": "z\nw", "b": None, "c": "~^"}]
    made = latex(rows, "50 % of it", ["a_note"])
    assert made.count("\n") > 10
    assert r"\begin{longtable}{lrl}" in made
    assert all(rule in made for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\end{longtable}"))
    body = [line for line in made.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in body if "caption" not in line} == {2}
    plain = re.sub(r"\\[{}]", "", made)
    assert plain.count("{") == plain.count("}")
    assert escaped("~^") == r"\textasciitilde{}\textasciicircum{}"
