"""Refuse to train on benchmarks whose licence allows evaluation alone."""

from collections.abc import Iterator
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.runtime.paths import CONF


def refuse_evaluation_data(cfg: DictConfig) -> None:
    """Raise UserError if a source of the mixture is the data set of such a benchmark. Copies in folders are not known."""
    parts = OmegaConf.to_container(cfg.mixture.parts, resolve=False)
    assert isinstance(parts, dict)
    sources = [cfg.source, *(part["source"] for part in parts.values() if isinstance(part.get("source"), dict))]
    paths = {str(path) for source in sources if (path := source.get("path"))}
    if not any("/" in path for path in paths):
        return
    for path, name, licence in _evaluation():
        if path in paths:
            raise UserError(
                f"source.path={path}: the licence of this data set ({licence}) is for evaluation, and benchmark={name} asks it; "
                "train on other data"
            )


def _evaluation() -> Iterator[tuple[str, str, str]]:
    """Yield (hub id, benchmark, licence) of data for evaluation alone."""
    for file in sorted((CONF / "benchmark").rglob("*.yaml")):
        values: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        how = values.get("how") or {}
        if how.get("use") == "evaluation" and values.get("path"):
            name = file.relative_to(CONF / "benchmark").with_suffix("").as_posix()
            yield values["path"], name, str(how.get("license"))
