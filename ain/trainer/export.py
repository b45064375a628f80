"""Export of a training checkpoint (a file, or shards of many ranks) to one Hugging Face directory, with parity checks."""

import contextlib
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from ain.model.attention import use
from ain.model.processor import IGNORE
from ain.storage.files import replace_text
from ain.storage.manifest import lineage
from ain.trainer.training import Training

CLOSE = 1e-3  # how far logits may differ from those in training, relative to the largest one
CLOSE_IN_BF16 = 0.1  # if training computed in bfloat16


def export(training: Training, state: Path, card: str) -> None:
    """Write `checkpoint/` completely or not at all: it is written under another name, reloaded, compared, then renamed."""
    beside, final = training.out / "checkpoint.new", training.out / "checkpoint"
    for directory in (beside, final):
        shutil.rmtree(directory, ignore_errors=True)
    beside.mkdir()
    trained = training.model.trained(weights(state / "state"))
    _compare_with_training(trained, training, state / "parity_batch.pt")
    training.model.export(trained, beside)
    replace_text(beside / "README.md", card)
    replace_text(beside / "data_manifest.json", json.dumps(lineage(training.samples), indent=2, ensure_ascii=False))
    reloaded = training.model.reload(beside).eval()
    if not torch.equal(answer_logits(trained, training), answer_logits(reloaded, training)):
        raise RuntimeError("the exported checkpoint answers differently from the model that it was made of")
    os.replace(beside, final)


def weights(state: Path) -> dict[str, torch.Tensor]:
    """Return the weights in float32 under the model's parameter names; ZeRO's shards are merged."""
    if state.is_dir():
        from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint

        with contextlib.redirect_stdout(io.StringIO()):  # it prints a lot
            found = get_fp32_state_dict_from_zero_checkpoint(str(state), tag="checkpoint")
    else:
        found = torch.load(state, map_location="cpu", weights_only=False, mmap=True)["state_dict"]
    return {name.removeprefix("model."): tensor for name, tensor in found.items()}


def answer_logits(model: Any, training: Training) -> torch.Tensor:
    """Return the logits of the parity batch's answer tokens: [answers, vocabulary]."""
    batch, family = training.parity_batch(), training.model
    use(model, family.attentions[-1])
    with torch.no_grad():
        return family.logits(model, family.hidden(model, batch)[batch["targets"] != IGNORE])  # type: ignore[no-any-return]


def _compare_with_training(trained: Any, training: Training, kept: Path) -> None:
    there, here = torch.load(kept, weights_only=True).float(), answer_logits(trained, training)
    apart = float((there - here).abs().max() / there.abs().max())
    close = CLOSE_IN_BF16 if training.settings.bf16 else CLOSE
    if not apart <= close:
        raise RuntimeError(f"the merged model answers differently: its logits differ by {apart:.2g} of the largest")
