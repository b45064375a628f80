"""Train: supervised fine-tuning on as many ranks as asked for, then one proven checkpoint (Section 3)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ain import ranks
from ain.model.qwen2_vl import Qwen2VL
from ain.model.samples import Samples
from ain.model.size import Load
from ain.stage import read_manifest
from ain.stages.model_card import model_card
from ain.tables import write_table
from ain.trainer.export import export
from ain.trainer.fit import Fit, fit
from ain.trainer.strategy import settled
from ain.trainer.watch import read, summary


def estimate(pack: Path | None, model: Qwen2VL, trainer: dict[str, Any]) -> Iterator[str]:
    """What it would take, from what is packed or, before that, from what trainer.how.assume says of it."""
    from ain.trainer.estimate import lines

    assumed = trainer["assume"]
    load = Load.of(read_manifest(pack)["counts"]) if pack else Load(**assumed) if assumed["samples"] else None
    return lines(model, trainer, load)


def train(
    pack: Path,
    model: Qwen2VL,
    objective: Callable[..., Any],
    trainer: dict[str, Any],
    tracker: dict[str, Any],
    seed: int,
    out: Path,
) -> dict[str, Any]:
    work = Fit(pack, model, objective, settled(trainer), tracker, seed, out)
    ranks.run(fit, work, trainer["devices"], trainer["num_nodes"])
    if ranks.rank() > 0:  # the first one does the rest
        return {}
    checkpoints = work.checkpoints
    chosen = checkpoints.best() if trainer["export"] == "best" else checkpoints.latest()
    assert chosen is not None
    history = read(out / "history.jsonl")
    write_table(out / "tables" / "loss.csv", history)
    counts = {
        "samples": len(Samples(pack, "train")),
        "validation": len(Samples(pack, "validation")),
        "steps": checkpoints.step(chosen),
        **summary(history),
        "validation_loss": checkpoints.losses(chosen).get("validation/loss"),
        "fill": round(1 - sum(row["padding"] for row in history) / len(history), 4),
    }
    write_table(
        out / "tables" / "validation.csv", [{"group": k, "loss": v} for k, v in checkpoints.losses(chosen).items()]
    )
    export(work, chosen, model_card(model.checkpoint, read_manifest(pack), counts))
    checkpoints.clear()
    return counts
