"""`ain workspace GROUP`: make a W&B workspace for the runs of a sweep or an experiment, with the panels that compare them."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from ain import UserError
from ain.cli.parser import Parser
from ain.runtime.paths import install_hint

_ABOUT = """\
Make a W&B workspace for a group: parallel coordinates from the choices in which its runs differ to their accuracy, a bar
chart, and curves. It asks W&B for the runs, so sync them first. It needs the package wandb-workspaces."""


def main(words: list[str]) -> None:
    parser = Parser("workspace", _ABOUT)
    parser.add_argument("group", metavar="GROUP", help="an experiment (ain/corrupted) or a sweep (sweep-...)")
    parser.add_argument("--project", default="ain", metavar="NAME", help="the W&B project (ain)")
    parser.add_argument("--entity", metavar="NAME", help="the W&B user or team (your default one)")
    given = parser.read(words)
    try:
        importlib.import_module("wandb_workspaces")
    except ModuleNotFoundError:
        raise UserError(
            f"workspace: wandb-workspaces is not installed; run {install_hint('wandb-workspaces')}"
        ) from None

    from ain.runtime.console import results
    from ain.tracking.tracker import Tracker, library

    out = results()
    Tracker("online").check()
    wandb = library()
    try:
        api = wandb.Api()
        entity = given.entity or api.default_entity
        filters = {"group": given.group, "jobType": {"$ne": "sweep"}}
        runs = list(api.runs(f"{entity}/{given.project}", filters=filters))
        if not runs:
            raise UserError(f"{given.group}: {entity}/{given.project} has no such group; sync it first: docs/wandb.md")
        varied = differing([run.config for run in runs])
        made = workspace(entity, given.project, given.group, varied, accuracies([run.summary for run in runs]))
        made.save()
    except (wandb.Error, ValueError) as error:  # ValueError: no such project
        raise UserError(f"workspace: {' '.join(str(error).split())}") from None
    print(made.url, file=out, flush=True)


def differing(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the choices and overridden keys that not all runs have the same, in the order of their first appearance."""
    names = dict.fromkeys(name for config in configs for name, value in config.items() if not isinstance(value, dict))
    named = [name for name in names if not name.startswith("stage.") and name not in ("job", "sweep", "git_commit")]
    return [name for name in named if len({config.get(name) for config in configs}) > 1]


def accuracies(summaries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of accuracies over all domains."""
    found = dict.fromkeys(name for summary in summaries for name in summary.keys())  # noqa: SIM118 - not a real mapping
    return sorted(name for name in found if name.endswith("/all/accuracy"))


def workspace(entity: str, project: str, group: str, varied: Sequence[str], metrics: Sequence[str]) -> Any:
    """Return the workspace; `save()` makes it. varied: keys of the config; metrics: keys of the summary."""
    panels: Any = importlib.import_module("wandb_workspaces.reports.v2")
    workspaces: Any = importlib.import_module("wandb_workspaces.workspaces")

    class Flat(panels.ParallelCoordinatesPlotColumn):  # type: ignore[misc]
        """A key of the config that has dots in it; the library would read it as nested."""

        def _to_model(self) -> Any:
            model = super()._to_model()
            model.accessor = f"config:{self.display_name}.value"
            return model

    axes = [Flat(metric=panels.Config(name), display_name=name) for name in varied]
    axes += [panels.ParallelCoordinatesPlotColumn(metric=panels.SummaryMetric(name)) for name in metrics]
    steps = [panels.LinePlot(x=f"{curve}/step", y=[f"{curve}/loss"]) for curve in ("train", "validation")]
    bars = [panels.BarPlot(title=name, metrics=[panels.SummaryMetric(name)]) for name in metrics]
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=group,
        sections=[
            workspaces.Section(
                name="Comparison", panels=[panels.ParallelCoordinatesPlot(columns=axes), *bars], is_open=True
            ),
            workspaces.Section(name="Training", panels=steps, is_open=True),
        ],
        runset_settings=workspaces.RunsetSettings(
            filters=[workspaces.Metric("Group") == group],
            pinned_columns=[*(f"config:{name}.value" for name in varied), *(f"summary:{name}" for name in metrics)],
        ),
    )
