"""Layering, read from the imports: modules import only from lower layers, without cycles."""

import ast
from functools import cache
from pathlib import Path

import pytest

from ain.runtime.paths import ROOT

# Lowest layer first. A module imports only from its own package and from lower layers.
LAYERS = (
    {"runtime"},
    {"storage"},
    {"text"},
    {"metrics"},
    {"scorer"},
    {"report", "tracking"},
    {"engine"},
    {"model"},
    {"miniature"},
    {"chat"},
    {"server"},
    {"harness"},
    {"source", "translator", "back_translation", "verifier", "screener", "rating", "review", "survey"},
    {"benchmark"},
    {"judge"},
    {"objective"},
    {"trainer"},
    {"stages"},
    {"pipeline"},
    {"cli"},
)
HEIGHT = {package: height for height, layer in enumerate(LAYERS) for package in layer}
# The table itself, and the pages of records, which are given the directories that select follows under their names.
LISTS = ("ain.pipeline.stages", "ain.report.records")
GROUPS = (
    "back_translation",
    "benchmark",
    "judge",
    "model",
    "objective",
    "rating",
    "screener",
    "source",
    "translator",
    "verifier",
)


def modules() -> list[Path]:
    return sorted(path for path in (ROOT / "ain").rglob("*.py") if path.parent != ROOT / "ain")


def name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {name(path): path for path in modules()}


@cache
def imports(path: Path) -> frozenset[str]:
    """Return all modules of this project that a file imports, including inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ain":
            whole = {f"{node.module}.{alias.name}" for alias in node.names} & set(NAMES)
            found |= whole or {node.module}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("ain.")}
    return frozenset(found & set(NAMES))


def package(module: str) -> str:
    return module.split(".")[1]


def test_only_packages_at_the_top() -> None:
    files = {path.name for path in (ROOT / "ain").iterdir() if path.is_file()}
    assert files == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("path", modules(), ids=name)
def test_arrows_point_down(path: Path) -> None:
    own = package(name(path))
    up = {used for used in imports(path) if package(used) != own and HEIGHT[package(used)] >= HEIGHT[own]}
    assert not up, f"{name(path)} imports {', '.join(sorted(up))}, which is not below it"


def test_no_circle() -> None:
    """Modules have no import cycles, counting imports inside functions."""
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module not in done:
            for used in imports(NAMES[module]):
                visit(used, (*way, module))
            done.add(module)

    for module in NAMES:
        visit(module, ())


def test_stages_do_not_import_stages() -> None:
    for path in (ROOT / "ain" / "stages").glob("*.py"):
        assert not {module for module in imports(path) if module.startswith("ain.stages.")}, path.name


def test_no_module_is_named_like_a_package_that_it_imports() -> None:
    for path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {
            alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        used |= {
            node.module.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module and not node.level
        }
        assert path.stem not in used, name(path)


def test_only_the_pipeline_and_the_command_line_see_the_config() -> None:
    for path in modules():
        if package(name(path)) not in ("pipeline", "cli"):
            assert "omegaconf" not in path.read_text(encoding="utf-8"), name(path)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_named_as_its_package(group: str) -> None:
    """The classes of a config group are in the package of the same name."""
    assert (ROOT / "ain" / group).is_dir()
    for config in (ROOT / "conf" / group).glob("*.yaml"):
        lines = config.read_text(encoding="utf-8").splitlines()
        if any(line.startswith("defaults: [") for line in lines) or config.stem == "none":
            continue  # based on another choice of its group, which is checked itself; or none at all
        target = next(line for line in lines if line.startswith("_target_:"))
        assert target.startswith(f"_target_: ain.{group}."), config


def test_only_the_table_lists_stages() -> None:
    """No other module of the pipeline, the report or W&B holds two or more names of stages as texts."""
    from ain.pipeline.stages import STAGES

    for path in modules():
        if package(name(path)) in ("cli", "pipeline", "report", "tracking") and name(path) not in LISTS:
            tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            texts = {node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)}
            assert len(texts & set(STAGES)) < 2, f"{name(path)} lists {texts & set(STAGES)}"
