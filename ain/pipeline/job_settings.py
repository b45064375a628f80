"""Check the settings of a job that belong to no config group."""

from dataclasses import dataclass, field
from typing import Annotated

from omegaconf import DictConfig, OmegaConf
from pydantic import ConfigDict, Field

from ain.pipeline.build import plain
from ain.pipeline.values import checked, signature, value_of


@dataclass(frozen=True)
class ReportSettings:
    """baseline: words of the setting that a sweep's page compares with, such as `thresholds=none`; None: the first."""

    baseline: str | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class JobSettings:
    """The top-level settings of conf/config.yaml."""

    stage: str
    seed: Annotated[int, Field(ge=0)] = 0
    output_dir: str = "outputs"
    overrides: str | None = None
    retry: str | None = None
    records: list[str] = field(default_factory=list)
    reproduce: bool = False
    report: ReportSettings = field(default_factory=ReportSettings)
    dry_run: bool = False
    allow_toys: bool = False


def check_settings(cfg: DictConfig) -> None:
    """Raise UserError, naming the key, for a value that does not fit."""
    arguments = signature("ain.pipeline.job_settings.JobSettings")
    for name in JobSettings.__dataclass_fields__:
        value = OmegaConf.to_container(cfg[name]) if OmegaConf.is_config(cfg[name]) else cfg[name]
        if name == "records" and isinstance(value, list):
            value = [str(one) if isinstance(one, int) else one for one in value]  # ids may be numbers
        value_of(name, arguments[name], value)
    checked("tracker", plain(cfg, "tracker"))
