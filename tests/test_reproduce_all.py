"""`ain reproduce`: what waits, what runs, a sweep that was killed, and the documentation's list and links."""

import re
import signal
from functools import partial
from pathlib import Path

import pytest
from commands import ain
from test_reproduction import NAMES, REPRODUCING
from test_status import die_after_manifest

from ain import UserError
from ain.cli import reproduce_all
from ain.cli.arguments import arguments
from ain.pipeline.needs import Needs, stand_in, tables
from ain.report import paper
from ain.report.reproduction import STOOD_IN, WAITING
from ain.runtime.paths import ROOT
from ain.storage.tables import read_table


def test_an_experiment_waits_or_something_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "translator=miniature,miniature_small" in arguments(["reproduce", "ain/table4"])
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert "translator=miniature,miniature_small" not in arguments(["reproduce", "ain/table4"])
    with pytest.raises(UserError, match="ain/fig8 waits: 200 native speakers"):
        arguments(["reproduce", "ain/fig8"])
    with pytest.raises(UserError, match=r"paper\.group: no such key"):
        tables({"table": "ain/table4", "group": "translator"})
    with pytest.raises(UserError, match=r"stand_in\.unless: no such key; choose among overrides, names, columns"):
        stand_in({"unless": "OPENAI_API_KEY"})
    needs = Needs(typed={"suite.labels": "labels"}, gpus=10**6)
    assert any(word.startswith("add suite.labels=... (labels)") for word in needs.lacking([]))
    assert not any("suite.labels" in word for word in needs.lacking(["suite.labels=f"]))


@pytest.mark.slow
def test_a_sweep_of_twelve_that_was_killed_makes_only_what_is_missing(tmp_path: Path) -> None:
    words = ("collect", "-m", f"source.seed={','.join(map(str, range(12)))}", "source.scenes=1", "source.authentic=0")
    words = (*words, "source.domains=[ocr]", "tracker=disabled", f"output_dir={tmp_path}")
    killed = ain(*words, change=partial(die_after_manifest, 5))
    assert killed.returncode == -signal.SIGKILL
    first = {path: path.stat().st_mtime_ns for path in tmp_path.glob("data/*/manifest.json")}
    assert len(first) == 5
    again = ain(*words)
    assert again.returncode == 0, again.stderr[-2_000:]
    found = {path: path.stat().st_mtime_ns for path in tmp_path.glob("data/*/manifest.json")}
    assert len(found) == 12
    assert {path: found[path] for path in first} == first


def test_reproduce_all_refuses_nothing_and_lists_everything(tmp_path: Path) -> None:
    """A dry run names each table and figure once, with the command and what it needs."""
    result = ain("reproduce", "ain/all", "dry_run=true", f"output_dir={tmp_path}", env={"OPENAI_API_KEY": ""})
    assert result.returncode == 0, result.stderr[-2_000:]
    assert [name for name in NAMES if f"| {paper.place(name)} |" not in result.stdout] == []
    assert WAITING in result.stdout
    assert not list(tmp_path.iterdir())


def test_reproduce_all_runs_what_can_run_and_names_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of three experiments one runs, one waits for people, and one fails, without a harm to the others."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    chosen = {f"ain/{name}": REPRODUCING[name] for name in ("fig14", "fig16", "fig8")}
    monkeypatch.setattr(reproduce_all, "experiments", lambda paper: chosen)
    monkeypatch.setattr(paper, "names", lambda _: [name for one in chosen.values() for name in one.tables])
    words = ["ain/all", "source.scenes=2", "tracker=disabled", f"output_dir={tmp_path}"]
    with pytest.raises(SystemExit, match="1 of 6 failed"):
        reproduce_all.main([*words, "verifier=minilm", "screener.checkpoint=./nowhere"])
    said = capsys.readouterr().out.splitlines()
    assert len([line for line in said if line.startswith(STOOD_IN)]) == 4
    assert any(line.startswith(WAITING) and "200 native speakers" in line for line in said)
    states = read_table(Path(said[-1]) / "states.csv")
    assert [row["state"] for row in states] == [*[STOOD_IN] * 4, "failed", WAITING]
    pages = [row["page"] for row in states if row["page"]]
    assert all((Path(said[-1]) / page / "index.html").exists() for page in pages)
    assert len(set(pages)) == 4


def test_the_documentation_lists_everything_as_it_is() -> None:
    text = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    assert "\n".join(reproduce_all.listed("ain")) in text, (
        "put the output of `ain reproduce ain/all dry_run=true` into docs/reproduction.md"
    )


def test_relative_links_of_the_documentation_lead_somewhere() -> None:
    """Files and headings, of all Markdown files of the project."""
    files = [path for folder in (ROOT, ROOT / "docs", ROOT / "benchmarks") for path in folder.glob("*.md")]
    broken = []
    for path in files:
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            file, _, heading = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = (path.parent / file).resolve() if file else path
            if not there.exists() or (heading and heading not in headings(there)):
                broken.append(f"{path.name}: {target}")
    assert not broken
    assert len(files) > 10


def headings(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a file."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
