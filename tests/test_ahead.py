"""The tiny checkpoints are trained side by side before a job needs them, to the same weights as one by one."""

import re
from pathlib import Path

import pytest
from commands import ain

from ain.miniature import ahead
from ain.miniature.checkpoints import exists, trained
from ain.miniature.recipe import Recipe
from ain.storage.digests import content_digest

PARTS = {"translator": "translator", "verifier": "encoder"}
BOTH = [Recipe.parse(f"miniature:{name}?steps=2&domains=vqa") for name in PARTS.values()]


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "cores", lambda devices: 2)
    monkeypatch.setattr(ahead, "WORTH", 4)


def test_side_by_side_gives_the_weights_of_one_by_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ahead.train_ahead([*BOTH, *BOTH], tmp_path / "ahead")
    assert "4/4" in capfd.readouterr().err  # steps of both; none is trained twice
    assert all(exists(recipe, tmp_path / "ahead") for recipe in BOTH)
    for recipe in BOTH:
        one, other = trained(recipe, tmp_path / "ahead"), trained(recipe, tmp_path / "alone")
        assert content_digest(one) == content_digest(other)


def _worth_two_processes() -> None:
    ahead.cores, ahead.WORTH = (lambda devices: 2), 4  # type: ignore[assignment]


def test_a_command_trains_what_it_needs_side_by_side(tmp_path: Path) -> None:
    few = ("source.domains=[vqa]", "source.scenes=2", "source.authentic=0", "translator.max_new_tokens=2")
    tiny = (f"{part}.checkpoint='miniature:{name}?steps=2&domains=vqa'" for part, name in PARTS.items())
    made = ain("verify", *few, *tiny, "tracker=disabled", f"output_dir={tmp_path}", change=_worth_two_processes)
    assert made.returncode == 0, made.stderr[-2_000:]
    assert re.search(r"miniature: 100%.*4/4", made.stderr)


def test_a_single_one_is_left_to_its_stage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    trained(BOTH[0], tmp_path)
    capfd.readouterr()
    ahead.train_ahead(BOTH, tmp_path)
    assert not capfd.readouterr().err
    assert not exists(BOTH[1], tmp_path)


def test_a_few_steps_are_left_to_their_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ahead, "WORTH", 5)
    ahead.train_ahead(BOTH, tmp_path)
    assert not capfd.readouterr().err
    assert not any(exists(recipe, tmp_path) for recipe in BOTH)


def test_what_fails_is_left_to_its_stage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("no directory")
    ahead.train_ahead(BOTH, tmp_path / "file")
    assert "Traceback" not in capfd.readouterr().err
    with pytest.raises(NotADirectoryError):
        trained(BOTH[0], tmp_path / "file")
