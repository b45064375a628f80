"""Fingerprints, digests and locks."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from ain.pipeline import values
from ain.pipeline.fingerprint import content
from ain.pipeline.graph import Graph
from ain.pipeline.stages import STAGES, Stage
from ain.runtime.paths import ROOT
from ain.storage.digests import content_digest, digest, folder_digest
from ain.storage.locks import lock


@cache
def config(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", overrides=list(overrides))


def prints(*overrides: str) -> dict[str, str]:
    """Return stage, with the model that it asks → name of its directory."""
    return names(config(*overrides))


def names(cfg: DictConfig) -> dict[str, str]:
    graph = Graph(cfg, STAGES.values())
    return {" ".join(filter(None, (node.stage.name, node.label))): node.directory.name for node in graph.targets}


TUNED = {"predict tuned", "grade tuned", "overlap", "pairwise"}
ASKING = {"predict base", "grade base", *TUNED}


def changed(*overrides: str, base: tuple[str, ...] = ()) -> set[str]:
    before, after = prints(*base), prints(*base, *overrides)
    return {name for name in before if before[name] != after[name]}


def test_values_keep_their_types() -> None:
    assert len({digest(1), digest(1.0), digest("1"), digest(True), digest(None)}) == 5


def test_keys_under_how_are_not_hashed() -> None:
    assert changed("translator.how.batch_size=7", "verifier.how.device=cuda", "trainer.how.num_workers=3") == set()


def test_what_counts_is_the_effective_value() -> None:
    """A value counts the same whether it is written in the config or is the default of its class."""
    assert changed("translator.num_beams=1", "source.limit=null", "objective.weight_decay=0.05") == set()
    assert "translate" in changed("translator.num_beams=2")
    assert changed("model=qwen2_vl_2b", "objective.learning_rate=1") == changed(
        "model=qwen2_vl_2b", "objective.learning_rate=1.0"
    )


def test_a_change_reaches_what_follows_and_nothing_else() -> None:
    assert changed("thresholds=strict") == {"select", "mix", "tokenize", "train", *TUNED}
    assert changed("screener.prompt=Safe?") == {"screen", "select", "mix", "tokenize", "train", *TUNED}
    assert changed("objective.learning_rate=1e-4") == {"train", *TUNED}
    assert changed("benchmark.scenes=5") == ASKING
    assert changed("benchmark.scorer._target_=ain.scorer.texts.contains") == {
        "grade base",
        "grade tuned",
        "overlap",
        "pairwise",
    }
    assert changed("judge=gpt_4o", "benchmark.judged=true") == {"grade base", "grade tuned", "overlap", "pairwise"}
    assert changed("judge.how.concurrency=3", base=("judge=gpt_4o",)) == set()
    assert changed("model.freeze_vision=true") == {"train", *TUNED}
    assert changed("seed=1") == {"mix", "tokenize", "train", *TUNED}
    assert changed("source.seed=1") == set(prints())


def test_a_version_reaches_what_follows(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    before = prints()
    monkeypatch.setitem(STAGES, "select", Stage(**{**vars(STAGES["select"]), "version": 99}))
    after = prints()
    assert {name for name in before if before[name] != after[name]} == {
        "select",
        "mix",
        "tokenize",
        "train",
        *TUNED,
    }


def test_a_mixture_without_translations_asks_for_none() -> None:
    (select,) = Graph(config("mixture=english"), [STAGES["select"]]).targets
    assert select.inputs["translate"] is None
    assert changed("translator.num_beams=3", base=("mixture=english",)) == {
        "translate",
        "verify",
        "back_translate",
        "rate",
    }


def test_a_part_may_have_a_source_of_its_own(tmp_path: Path) -> None:
    other = f"{{_target_: ain.source.folder.Folder, path: {tmp_path}}}"
    part = f"+mixture.parts.mine={{source: {other}, language: en, translate: false, weight: 1.0}}"
    found = list(Graph(config(part), [STAGES["mix"]]).named())
    assert [name for name in found if name.startswith("collect")] == ["collect", "collect (2)"]
    assert [name for name in found if name.startswith("translate")] == ["translate"]


def test_folders_and_checkpoints_are_known_by_what_is_in_them(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "a.json"
    file.write_text("[]")
    listing, content = folder_digest(folder), content_digest(folder)
    os.utime(file, ns=(1, 1))
    assert folder_digest(folder) != listing
    assert content_digest(folder) == content
    file.write_text("{}")
    assert content_digest(folder) != content


def test_a_changed_file_recomputes_everything_below(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("[]")
    words = ("source=folder", f"source.path={tmp_path}")
    before = prints(*words)
    (tmp_path / "data.json").write_text("[ ]")
    after = prints(*words)
    assert {name for name in before if before[name] == after[name]} == {"predict base", "grade base"}


def test_who_waits_says_for_whom(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from ain.storage.locks import lock\nwith lock(Path({str(tmp_path)!r})): print('mine')"
    with lock(tmp_path):
        waiting = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
        assert f"waiting for process {os.getpid()} on" in said
        assert waiting.poll() is None
    assert waiting.communicate(timeout=30)[0] == "mine\n"


def classes() -> dict[str, str]:
    """Return every class that a config group names → a choice that uses it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "conf").glob("*/*.yaml")):
        target = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("_target_")
        if target and path.parent.name not in ("engine", "tracker"):  # which do not affect results
            found.setdefault(target, f"{path.parent.name}={path.stem}")
    return found


# Settings that some choices require.
NEEDED = {
    ("source", "folder"): ["source.path=/"],
    ("source", "hub"): ["source.path=/"],
    ("translator", "openai_compatible"): ["translator.model=any"],
    ("translator", "answers"): ["translator.path=/"],
    ("screener", "openai_compatible"): ["screener.model=any"],
    ("predictor", "openai_compatible"): ["predictor.model=any"],
    ("predictor", "answers"): ["predictor.path=/"],
    ("judge", "openai_compatible"): ["judge.model=any"],
    ("benchmark", "_table"): [
        "benchmark.name=any",
        "benchmark.path=/",
        "benchmark.scorer={_target_: ain.scorer.texts.exact}",
    ],
    ("back_translation", "openai_compatible"): ["back_translation.translator.model=any"],
}


def own_stages(group: str) -> set[str]:
    """Return the stages that read a group, and all later ones."""
    reached = {name for name, stage in STAGES.items() if any(read.split(".")[0] == group for read in stage.reads)}
    while more := {
        name
        for name, stage in STAGES.items()
        if reached & {*stage.after, *stage.per_part, *stage.per_pair} and name not in reached
    }:
        reached |= more
    return reached


def uses(cfg: DictConfig, target: str) -> set[str]:
    """Return the groups whose settings name the class, at any level."""
    plainly: dict[str, Any] = OmegaConf.to_container(cfg, resolve=False)  # type: ignore[assignment]
    return {group for group, node in plainly.items() if f"'{target}'" in repr(node)}


@pytest.mark.parametrize("target", classes())
def test_a_changed_default_changes_the_stages_that_use_the_class(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds for every argument that the config does not set; other stages do not change."""
    choice = classes()[target]
    group = choice.partition("=")[0]
    monkeypatch.setattr(
        "ain.pipeline.graph.shape", lambda group, values: content(values)
    )  # do not read anything outside the config
    cfg = config(choice, *NEEDED.get(tuple(choice.split("=")), []))
    given = {*cfg[group], *(cfg[group].get("how") or {})}
    before = names(cfg)
    original = values.signature
    arguments = original(target)
    for name, argument in arguments.items():
        if argument.required or name in given:
            continue
        changed = replace(argument, default="another default")
        monkeypatch.setattr(
            "ain.pipeline.values.signature",
            lambda asked, changed={name: changed}: arguments | changed if asked == target else original(asked),
        )
        after = names(cfg)
        differ = {stage.split()[0] for stage in before if before[stage] != after[stage]}
        assert differ, f"{target}: a changed default of {name} changes nothing"
        assert differ <= set().union(*(own_stages(used) for used in uses(cfg, target))), name
