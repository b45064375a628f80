"""Export of a training checkpoint (a file, or shards of many ranks) to one Hugging Face directory, with parity checks."""

import contextlib
import io
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from ain import UserError
from ain.model.attention import use
from ain.model.processor import IGNORE
from ain.storage.files import replace_text
from ain.storage.manifest import lineage
from ain.trainer.training import Training

CLOSE = 1e-3  # how far logits may differ from those in training, relative to the largest one
CLOSE_IN_BF16 = 0.1  # if training computed in bfloat16


def export(training: Training, state: Path, card: str) -> None:
    """Write `checkpoint/` completely or not at all: it is written under another name, reloaded, compared, then renamed.

    Raise UserError if the merged model answers differently from the one in training, or the reloaded one from the merged
    one. The training's checkpoint and the export then stay on disk. Raise Damaged for a checkpoint that has changed since.
    """
    training.checkpoints.compare(state)
    beside, final = training.out / "checkpoint.unverified", training.out / "checkpoint"
    for directory in (beside, final):
        shutil.rmtree(directory, ignore_errors=True)
    beside.mkdir()
    if (state / "state").is_dir():  # of ZeRO
        training.checkpoints.refuse_others(state)
    trained = training.model.trained(weights(state / "state"))
    there, merged = torch.load(state / "parity_batch.pt", weights_only=True), answer_logits(trained, training)
    training.model.export(trained, beside)
    replace_text(beside / "README.md", card)
    replace_text(beside / "data_manifest.json", json.dumps(lineage(training.samples), indent=2, ensure_ascii=False))
    reloaded = answer_logits(training.model.reload(beside).eval(), training)
    tolerance = training.settings.export_tolerance
    close, files = tolerance or (CLOSE_IN_BF16 if training.settings.bf16 else CLOSE), f"{state} and {beside}"
    _compare("the merged weights", merged, "in training", there, close, files)
    written = answer_logits(trained, training)  # in the export's dtype
    _compare("the reloaded export", reloaded, "before it was written", written, tolerance or 0.0, files)
    os.replace(beside, final)


def weights(state: Path) -> dict[str, torch.Tensor]:
    """Return the weights in float32 under the model's parameter names; ZeRO's shards, which are pickles, are merged."""
    if state.is_dir():
        from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint

        with contextlib.redirect_stdout(io.StringIO()):  # it prints a lot
            found = get_fp32_state_dict_from_zero_checkpoint(str(state), tag="checkpoint")
    else:
        found = torch.load(state, map_location="cpu", weights_only=True, mmap=True)["state_dict"]
    return {name.removeprefix("model."): tensor for name, tensor in found.items()}


def answer_logits(model: Any, training: Training) -> torch.Tensor:
    """Return the logits of the parity batch's answer tokens: [answers, vocabulary]."""
    batch, family = training.parity_batch(), training.model
    use(model, family.attentions[-1])
    with torch.no_grad():
        return family.logits(model, family.hidden(model, batch)[batch["targets"] != IGNORE])  # type: ignore[no-any-return]


def _compare(what: str, here: torch.Tensor, when: str, there: torch.Tensor, close: float, files: str) -> None:
    """Raise UserError if logits differ by more than `close`, relative to the largest one."""
    apart = float((there.float() - here.float()).abs().max() / there.float().abs().max())
    if apart <= close:
        return
    kept = f"; the checkpoint and the export stay in {files}"
    if not math.isfinite(apart):
        raise UserError(f"{what} give logits that are not finite, or those {when} were not{kept}")
    raise UserError(
        f"{what} give logits that differ from those {when} by {apart:.2g} of the largest, more than {close:g}: other "
        f"kernels (bfloat16, another attention) differ by a few hundredths, lost weights by more{kept}; to accept the "
        f"difference without training again, add trainer.how.export_tolerance={_above(apart)} to the same command"
    )


def _above(apart: float) -> str:
    """Return a number of one digit that is at least a tenth larger."""
    unit = 10.0 ** math.floor(math.log10(apart * 1.1))
    return f"{math.ceil(apart * 1.1 / unit) * unit:.1g}"
