"""Train: supervised fine-tuning on as many ranks as asked for, then one proven checkpoint (Section 3)."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ain import ranks
from ain.model.qwen2_vl import Qwen2VL
from ain.model.samples import Samples
from ain.model.size import Load
from ain.record import replace_text
from ain.stage import read_manifest
from ain.stages.model_card import model_card
from ain.tables import write_table
from ain.trainer.export import export
from ain.trainer.fit import Fit, fit
from ain.trainer.strategy import settled
from ain.trainer.watch import read, summary

COUNTS = "counts.json"  # what training came to, kept before its checkpoints are let go


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
    if (out / COUNTS).exists():  # it was killed when all was done
        work.checkpoints.clear()
        return json.loads((out / COUNTS).read_text(encoding="utf-8"))  # type: ignore[no-any-return]
    ranks.run(fit, work, trainer["devices"], trainer["num_nodes"])
    if ranks.rank() > 0:  # the first one does the rest
        return {}
    counts = _finished(work)
    replace_text(out / COUNTS, json.dumps(counts))
    work.checkpoints.clear()  # what led there is not needed any more
    return counts


def _finished(work: Fit) -> dict[str, Any]:
    """Tables and the exported model."""
    out, checkpoints = work.out, work.checkpoints
    chosen = checkpoints.best() if work.trainer["export"] == "best" else checkpoints.latest()
    assert chosen is not None
    history, losses = read(out / "history.jsonl"), checkpoints.losses(chosen)
    write_table(out / "tables" / "loss.csv", history)
    write_table(out / "tables" / "validation.csv", [{"group": name, "loss": loss} for name, loss in losses.items()])
    counts = {
        "samples": len(Samples(work.pack, "train")),
        "validation": len(Samples(work.pack, "validation")),
        "steps": checkpoints.step(chosen),
        **summary(history),
        "validation_loss": losses.get("validation/loss"),
        "fill": round(1 - sum(row["padding"] for row in history) / len(history), 4),
    }
    export(work, chosen, model_card(work.model.checkpoint, read_manifest(work.pack), counts))
    return counts
