"""Benchmarks over tables: every YAML asks its questions about a stand-in with the same columns."""

import inspect
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from benchmark_tables import BROKEN, MISSING, OPTIONS, ROWS, Rows, Scorer
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import OmegaConf

from ain.benchmark import Item
from ain.benchmark.table import Table
from ain.metrics.camel_bench import SUBDOMAINS, SUBDOMAINS_JOINED, lacking
from ain.pipeline.build import build
from ain.pipeline.choices import options, settings
from ain.pipeline.values import checked
from ain.runtime.paths import CONF
from ain.text.placeholders import IMAGE

SUITES = [path.stem for path in (CONF / "suite").glob("*.yaml") if path.stem != "none"]
ALONE = ("imageeval",)  # in no suite, because it needs a file
TOOLS = ("lm_eval", "lmms_eval")  # which ask questions of their own
TABLES = sorted(
    name for name in options("benchmark") if name not in ("held_out", "miniature") and name.split("/")[0] not in TOOLS
)


@cache
def composed(*words: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", overrides=list(words))
    made = OmegaConf.to_container(cfg.benchmarks) | {"": OmegaConf.to_container(cfg.benchmark)}  # type: ignore[operator]
    return {name: values for name, values in made.items() if values}  # type: ignore[misc]


@cache
def benchmarks() -> dict[str, dict[str, Any]]:
    """Return choice → values of all benchmarks over tables."""
    found = {
        name: values
        for suite in ("camel_bench", "arabic", "ain_table3", "quick")
        for name, values in composed(f"suite={suite}").items()
    }
    found |= {name: composed(f"benchmark={name}")[""] for name in ALONE}
    return {choice: found[choice.replace("/", "_")] for choice in TABLES}


def without_scorers(values: Any) -> Any:
    if isinstance(values, dict) and "_target_" not in values:
        return {name: without_scorers(value) for name, value in values.items()}
    return values and {"_target_": f"{Scorer.__module__}.{Scorer.__name__}"}


def table(values: dict[str, Any], path: str) -> Table:
    """Build a benchmark as the pipeline does, but with stand-ins for its scorers."""
    stood_in = {name: without_scorers(values[name]) for name in ("scorer", "official", "also")}
    made = build(checked("benchmark", values | stood_in | {"path": path, "limit": None, "rotations": False}))
    assert isinstance(made, Table)
    return made


@pytest.mark.parametrize("choice", TABLES)
def test_a_benchmark_asks_about_each_row(choice: str, tmp_path: Path) -> None:
    values = benchmarks()[choice]
    rows = Rows(values)
    items = list(table(values, rows.save(tmp_path)).items())
    assert len(items) == ROWS
    assert len({item.id for item in items}) == ROWS
    seen = bool(rows.fields.get("images"))
    expected = ({BROKEN} if seen else set()) | ({MISSING} if "{" in rows.fields.get("question", "{") else set())
    assert {number for number, item in enumerate(items) if item.broken} == expected
    for number, item in enumerate(items):
        if not item.broken:
            check(item, rows, rows.images[number])
    assert bool(items[0].labels) is rows.published


def test_scorers_are_built(tmp_path: Path) -> None:
    values = benchmarks()["camel_bench/khatt"]
    made = table(values, str(tmp_path))
    assert (type(made.scorer), type(made.official), type(made.also["wer"])) == (Scorer, Scorer, Scorer)
    assert (made.max_side, made.max_images, made.max_new_tokens, made.labels) == (420, 5, 2000, None)
    assert "arXiv" in (made.citation or "")


def check(item: Item, rows: Rows, images: list[bytes]) -> None:
    shown = images[: rows.values.get("max_images")]
    assert item.question.count(IMAGE) == len(item.images) == len(shown)
    assert [load() for load in item.images] == shown
    assert list(item.options) == (OPTIONS if rows.fields.get("options") else [])
    if item.options:
        first = {"arabic": "أ", "latin": "A"}[rows.values["prompt"]["letters"]]
        assert f"\n{first}. كلب" in item.question or f"\n{first}: كلب" in item.question
    if not rows.published:
        names = SUBDOMAINS[item.domain] | SUBDOMAINS_JOINED.get(item.domain, {})
        assert item.kind in names


def test_the_44_data_sets_of_camel_bench_are_there() -> None:
    assert sum(choice.startswith("camel_bench/") for choice in TABLES) == 44
    assert not [choice for choice in TABLES if "_base" in choice]
    assert settings("benchmark", "camel_bench/khatt")["max_side"].value == "420"


def test_a_benchmark_alone_is_the_same_as_in_its_suite() -> None:
    assert composed("benchmark=camel_bench/khatt")[""] == benchmarks()["camel_bench/khatt"]


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_composes(suite: str) -> None:
    names = set(composed(f"suite={suite}")) - {""}
    assert names
    assert names <= {choice.replace("/", "_") for choice in options("benchmark")}


def scorers(values: Any) -> Iterator[dict[str, Any]]:
    if isinstance(values, dict):
        if "_target_" in values:
            yield values
        for value in values.values():
            yield from scorers(value)


@pytest.mark.skipif(find_spec("ain.scorer") is None, reason="scorers are missing")
@pytest.mark.parametrize("choice", TABLES)
def test_scorers_exist_and_take_their_settings(choice: str) -> None:
    values = benchmarks()[choice]
    for node in scorers([values[name] for name in ("scorer", "official", "also") if name in values]):
        wanted = {name: value for name, value in node.items() if name != "_target_"}
        inspect.signature(get_object(node["_target_"])).bind("answer", ["label"], (), "ar", **wanted)


def test_sub_domains_that_no_data_set_has_are_named() -> None:
    assert lacking({(domain, name) for domain, names in SUBDOMAINS.items() for name in names}) == []
    found = lacking({("vqa", "math and logic"), ("video", "countries and occasions")})
    assert ("vqa", "spatial") in found
    assert not {("vqa", "math and logic"), ("video", "countries"), ("video", "occasions")} & set(found)
