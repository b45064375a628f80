"""Train: supervised fine-tuning on the configured ranks, then the export of one verified checkpoint (Section 3)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ain import UserError
from ain.model.base import ModelFamily
from ain.model.samples import Samples
from ain.model.size import Load
from ain.runtime import distributed
from ain.runtime.console import log
from ain.source.mixture import Mixture
from ain.storage.damage import read_guarded, write_guarded
from ain.storage.manifest import read_manifest
from ain.storage.tables import write_table
from ain.trainer.export import export
from ain.trainer.history import HISTORY, VALIDATION, read, summary
from ain.trainer.model_card import model_card
from ain.trainer.settings import TrainerSettings, resolved
from ain.trainer.training import Training

RESOLVED = "resolved.json"  # what `auto` resolved to when training began
COUNTS = "counts.json"  # the final counts, written before the checkpoints are removed
TITLE = "Training"
SHOWN = {
    "loss": "Training loss, per step and smoothed, and loss on held-out samples.",
    "held_out": "Loss on held-out samples, at the first and the last validation.",
    "watched": "Answers to watched questions, at the first and the last validation.",
}

CURVES = {HISTORY: "train", VALIDATION: "validation"}
REPEATED = ("steps", "validation")


def scalars(counts: dict[str, Any], out: Path) -> dict[str, Any]:
    """Rename what sums up a curve: it would have the curve's name."""
    renamed = {"loss": "final_loss", "tokens_per_second": "median_tokens_per_second"}
    return {renamed.get(name, name): value for name, value in counts.items()}


def said(counts: dict[str, Any]) -> str:
    read, of = counts["validation_samples"], counts["validation"]
    some = f"{read:,} of {of:,} " if read < of else ""
    held_out = f"; on {some}held-out samples {counts['validation_loss']:.3f}" if counts["validation_loss"] else ""
    return (
        f"{counts['samples']:,} samples, {counts['steps']:,} steps, {counts['tokens_per_second']:,.0f} tokens a second, "
        f"rows {100 * counts['fill']:.1f} % full. Over the last tenth of the steps the loss was "
        f"{counts['loss']:.3f}{held_out}."
    )


def beside(counts: dict[str, Any]) -> dict[str, int]:
    return {"trained on": counts["samples"]}


def check(model: ModelFamily, trainer: TrainerSettings) -> None:
    """Raise an error if packages, GPUs or ranks on other nodes are missing."""
    distributed.check(trainer.devices, trainer.num_nodes)
    here = resolved(trainer)
    model.check(here.accelerator == "gpu", here.bf16, here.shared_rows)


def estimate(tokenize: Path | None, mixture: Mixture, model: ModelFamily, trainer: TrainerSettings) -> Iterator[str]:
    """Return the estimate's lines, from the tokenized data or, before that exists, from trainer.how.assume."""
    from ain.trainer.estimate import lines

    if tokenize:
        counts = read_manifest(tokenize)["counts"]
        return lines(model, trainer, Load.of(counts), counts["kept"] - counts["train"])
    load = Load(**trainer.assume) if trainer.assume.get("samples") else None
    share = mixture.validation / (1 - mixture.validation)  # held-out samples for each trained one
    return lines(model, trainer, load, round(load.samples * share) if load else 0)


def train(
    tokenize: Path,
    model: ModelFamily,
    objective: Any,
    trainer: TrainerSettings,
    seed: int,
    out: Path,
) -> dict[str, Any]:
    settings = resolved(trainer)
    if trainer.accelerator == "auto" and settings.accelerator == "cpu" and distributed.rank() == 0:
        log.info(f"no GPU is visible: {settings.devices} ranks on the CPU")
    as_begun(settings, out)
    training = Training(tokenize, model, objective, settings, seed, out)
    if (out / COUNTS).exists():  # it was killed after everything was done
        training.checkpoints.clear()
        return _noted(out / COUNTS)
    distributed.run(_take_part, training, settings.devices, settings.num_nodes, training.libraries)
    if distributed.rank() > 0:  # rank 0 does the rest
        return {}
    counts = _finished(training)
    write_guarded(out / COUNTS, counts)
    training.checkpoints.clear()  # no longer needed
    return counts


def as_begun(settings: TrainerSettings, out: Path) -> None:
    """Record what `auto` resolved to, or raise UserError if it resolved to something else when this training began.

    This can happen on another machine. Accelerator and precision must not change during a training.
    """
    here = {"accelerator": settings.accelerator, "precision": settings.precision}
    begun = _noted(out / RESOLVED) if (out / RESOLVED).exists() else here
    if begun != here:
        was, now = (" ".join(f"trainer.{name}={value}" for name, value in one.items()) for one in (begun, here))
        raise UserError(
            f"this training began with {was}, and here it would be {now}; resume it on such a machine, or delete {out}"
        )
    if distributed.rank() == 0:
        write_guarded(out / RESOLVED, here)


def _noted(path: Path) -> dict[str, Any]:
    content = read_guarded(path, f"delete {path.parent} and run the same command, which trains again")
    return {name: value for name, value in content.items() if name != "digest"}


def _take_part(training: Training) -> None:
    """Train on one rank."""
    from ain.trainer.fit import fit

    fit(training)


def _finished(training: Training) -> dict[str, Any]:
    """Write the tables, export the model and return the counts."""
    from ain.report.training import course

    out, checkpoints = training.out, training.checkpoints
    chosen = checkpoints.best() if training.settings.export == "best" else checkpoints.latest()
    assert chosen is not None
    history, losses = read(out / HISTORY), checkpoints.losses(chosen)
    write_table(out / "tables" / "steps.csv", history)
    write_table(
        out / "tables" / "validation.csv",
        [
            {"step": row["step"], "group": name.removeprefix("validation/"), "loss": row[name]}
            for row in read(out / VALIDATION)
            for name in list(row)[1:]
        ],
    )
    course(out)
    counts = {
        "samples": len(Samples(training.samples, "train")),
        "validation": len(Samples(training.samples, "validation")),
        "validation_samples": len(training.validation()),  # read by each validation
        "steps": checkpoints.step(chosen),
        **summary([row for row in history if row["step"] <= checkpoints.step(chosen)]),
        "validation_loss": losses.get("validation/loss"),
        "fill": round(1 - sum(row["padding"] for row in history) / len(history), 4),
    }
    export(training, chosen, model_card(training.model.checkpoint, read_manifest(training.samples), counts))
    return counts
