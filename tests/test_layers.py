"""Arrows point down: stages → parts → what both stand on. Read off the imports themselves."""

import ast
from pathlib import Path

import pytest

from ain.__main__ import ROOT

PARTS = {
    "back_translation",
    "rating",
    "source",
    "translator",
    "verifier",
    "screener",
    "model",
    "objective",
    "predictor",
    "benchmark",
}
# From the ground up. A module imports only from layers below its own, or from its own where that is allowed.
SPINE = {
    "record",
    "images",
    "near",
    "stage",
    "ledger",
    "arabic",
    "device",
    "protect",
    "once",
    "progress",
    "tables",
    "figures",
    "metrics",
    "ranks",
    "spoil",
    "miniature",
}
BETWEEN = {"chat", "engine"}  # parts use them, they use the ground
TRAINER = {"trainer"}  # runs the training of models and objectives for the stage
TOP = {
    "__main__",
    "mistakes",
    "job",
    "sweep",
    "pipeline",
    "part",
    "reproduce",
    "results",
    "tracking",
    "checkpoint",
    "report",
    "stages",
}
# The tiny checkpoints are trained with the parts that load the real ones, so they stand above the parts.
ABOVE_PARTS = {"ain.miniature.checkpoints"}


def modules() -> list[Path]:
    return sorted((ROOT / "ain").rglob("*.py"))


def name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ain":
            found |= {f"{node.module}.{alias.name}" if node.module == "ain" else node.module for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("ain.")}
    return found


def layer(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("path", modules(), ids=name)
def test_arrows_point_down(path: Path) -> None:
    own = layer(name(path))
    used = {module for module in imports(path) if layer(module) not in ("", own)}
    layers = {layer(module) for module in used} - {"UserError", "Unavailable", "__version__"}
    if own in SPINE and name(path) not in ABOVE_PARTS:
        assert layers <= SPINE, f"{name(path)} is ground and stands on {layers - SPINE}"
    elif own in BETWEEN:
        assert layers <= SPINE | BETWEEN, f"{name(path)} knows {layers - SPINE - BETWEEN}"
    elif own in PARTS:
        assert not layers & (TOP | TRAINER), f"{name(path)} is a part and knows {layers & (TOP | TRAINER)}"
    elif own in TRAINER:
        assert not layers & TOP, f"{name(path)} serves a stage and knows {layers & TOP}"
    elif own == "stages":
        assert not layers & (TOP - {"stages"}), f"{name(path)} is a stage and knows {layers & TOP}"


def test_stages_do_not_import_stages() -> None:
    pages = {"ain.stages.model_card"}  # a text that train fills in
    for path in (ROOT / "ain" / "stages").glob("*.py"):
        assert not {module for module in imports(path) if module.startswith("ain.stages")} - pages, path.name


def test_every_module_has_a_place() -> None:
    assert {layer(name(path)) for path in modules()} - {""} <= PARTS | BETWEEN | SPINE | TOP | TRAINER


def test_no_part_sees_the_config() -> None:
    for path in modules():
        if layer(name(path)) in PARTS | BETWEEN | SPINE | TRAINER | {"stages"}:
            assert "omegaconf" not in path.read_text(encoding="utf-8"), path


def test_a_package_of_parts_is_named_as_its_group() -> None:
    for package in PARTS:
        assert (ROOT / "conf" / package).is_dir(), package
        for config in (ROOT / "conf" / package).glob("*.yaml"):
            lines = config.read_text(encoding="utf-8").splitlines()
            if any(line.startswith("defaults: [") for line in lines) or config.stem == "none":
                continue  # like another of its group, which is looked at by itself; or nobody
            target = next(line for line in lines if line.startswith("_target_:"))
            assert target.startswith(f"_target_: ain.{package}."), config


def test_the_command_line_knows_every_stage() -> None:
    """Its verbs are written out there, so that `--help` need not import the pipeline."""
    from ain.__main__ import VERBS
    from ain.pipeline import STAGES

    assert (*STAGES, "report", "run", "reproduce") == VERBS
