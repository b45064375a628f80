"""The W&B workspace of a group, as far as it can be made without W&B's server."""

from pathlib import Path

import pytest
from commands import ain


def test_a_workspace_has_an_axis_for_each_choice_that_differs() -> None:
    pytest.importorskip("wandb_workspaces", reason="wandb-workspaces is not installed")
    from ain.cli.workspace import accuracies, differing, workspace

    configs = [
        {"choice.thresholds": name, "seed": 0, "job": name, "stage.select": name, "config": {}}
        for name in ("paper", "none")
    ]
    summaries = [
        {"grade/miniature/tuned/ar/all/accuracy": 1.0, "grade/miniature/tuned/ar/ocr/accuracy": 1.0, "select/kept": 1}
    ]
    varied, metrics = differing(configs), accuracies(summaries)
    assert (varied, metrics) == (["choice.thresholds"], ["grade/miniature/tuned/ar/all/accuracy"])
    made = workspace("someone", "ain", "sweep-1", varied, metrics)._to_model().model_dump_json()
    assert '"accessor":"config:choice.thresholds.value"' in made
    assert '"accessor":"summary:grade/miniature/tuned/ar/all/accuracy"' in made


def test_workspace_without_a_login_is_said_in_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("wandb_workspaces", reason="wandb-workspaces is not installed")
    result = ain("workspace", "sweep-1", env={"WANDB_API_KEY": "", "HOME": str(tmp_path)})
    assert result.returncode == 1
    assert "not logged in" in result.stderr
    assert "Traceback" not in result.stderr
