"""Fingerprints, digests and locks."""

import os
import subprocess
import sys
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from ain.pipeline.fingerprint import essence
from ain.pipeline.runner import Run, upstream
from ain.pipeline.stages import STAGES, Stage
from ain.runtime.paths import ROOT
from ain.storage.digests import content_digest, digest, folder_digest
from ain.storage.locks import lock


def config(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", overrides=list(overrides))


def prints(*overrides: str) -> dict[str, str]:
    run, cfg = Run(Path("outputs")), config(*overrides)
    return {name: run.fingerprint(stage, cfg) for name, stage in STAGES.items()}


def changed(*overrides: str, base: tuple[str, ...] = ()) -> set[str]:
    before, after = prints(*base), prints(*base, *overrides)
    return {name for name in before if before[name] != after[name]}


def test_values_keep_their_types() -> None:
    assert len({digest(1), digest(1.0), digest("1"), digest(True), digest(None)}) == 5


def test_keys_under_how_are_not_hashed() -> None:
    assert changed("translator.how.batch_size=7", "verifier.how.device=cuda", "trainer.how.workers=3") == set()


def test_a_key_at_its_default_is_not_hashed() -> None:
    assert changed("translator.num_beams=1", "source.limit=null") == set()
    assert "translate" in changed("translator.num_beams=2")


def test_a_change_reaches_what_follows_and_nothing_else() -> None:
    assert changed("thresholds=strict") == {"select", "mix", "tokenize", "train", "evaluate"}
    assert changed("screener.prompt=Safe?") == {"screen", "select", "mix", "tokenize", "train", "evaluate"}
    assert changed("objective.learning_rate=1e-4") == {"train", "evaluate"}
    assert changed("benchmark.scenes=5") == {"evaluate_base", "evaluate"}
    assert changed("model.freeze_vision=true") == {"train", "evaluate"}
    assert changed("seed=1") == {"mix", "tokenize", "train", "evaluate"}
    assert changed("source.seed=1") == set(STAGES)


def test_a_version_reaches_what_follows(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    before = prints()
    monkeypatch.setitem(STAGES, "select", Stage(**{**vars(STAGES["select"]), "version": 99}))
    after = prints()
    assert {name for name in before if before[name] != after[name]} == {
        "select",
        "mix",
        "tokenize",
        "train",
        "evaluate",
    }


def test_a_mixture_without_translations_asks_for_none() -> None:
    cfg = config("mixture=english")
    assert upstream(STAGES["select"], cfg)["translate"] is None
    assert changed("translator.num_beams=3", base=("mixture=english",)) == {
        "translate",
        "verify",
        "back_translate",
        "rate",
    }


def test_a_part_may_have_a_source_of_its_own(tmp_path: Path) -> None:
    other = f"{{_target_: ain.source.folder.Folder, path: {tmp_path}}}"
    part = f"+mixture.parts.mine={{source: {other}, language: en, translate: false, weight: 1.0}}"
    plan = Run(Path("outputs")).plan([STAGES["mix"]], config(part))
    assert [name for name in plan if name.startswith("collect")] == ["collect", "collect (2)"]
    assert [name for name in plan if name.startswith("translate")] == ["translate"]


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
    assert {name for name in before if before[name] == after[name]} == {"evaluate_base"}


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


def test_essence_drops_what_shapes_nothing() -> None:
    node = {
        "_target_": "ain.translator.seq2seq.Seq2Seq",
        "checkpoint": "x",
        "num_beams": 1,
        "prefix": None,
        "how": {"device": "cpu"},
    }
    assert essence(node) == {"_target_": "ain.translator.seq2seq.Seq2Seq", "checkpoint": "x"}
