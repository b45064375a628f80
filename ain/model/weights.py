"""Weights in and out: loading that refuses what does not fit, and putting trained weights back into the model."""

import shutil
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from ain import UserError

_WEIGHTS = (".safetensors", ".bin", ".pt", ".index.json")


def families() -> list[str]:
    """The model families that there are: the packages beside this module, named as their `model_type`."""
    return sorted(module.name for module in iter_modules([str(Path(__file__).parent)]) if module.ispkg)


def configuration(checkpoint: str, model_type: str) -> Any:
    """A checkpoint's configuration; one of another family is refused before its weights are read."""
    from transformers import AutoConfig

    found = AutoConfig.from_pretrained(checkpoint)
    if found.model_type != model_type:
        raise UserError(
            f"model.checkpoint={checkpoint}: it is of the type {found.model_type}, and this model= loads {model_type}; "
            f"the families are {', '.join(families())}"
        )
    return found


def loaded(checkpoint: str, model_type: str, dtype: str) -> Any:
    """A checkpoint that lacks a weight, or has one too many, is refused."""
    import torch
    from transformers import AutoModelForImageTextToText

    configuration(checkpoint, model_type)
    loader: Any = AutoModelForImageTextToText
    model, info = loader.from_pretrained(checkpoint, dtype=getattr(torch, dtype), output_loading_info=True)
    wrong = [str(key) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in sorted(info[kind])]
    if wrong:
        raise UserError(
            f"{checkpoint}: not a checkpoint of this model: {wrong[0]} and {len(wrong) - 1} other weights do not fit"
        )
    return model


def put(model: Any, weights: dict[str, Any]) -> None:
    """Sets a model's weights, adapters included; all but tied ones must be there, and none beside them."""
    missing, unexpected = model.load_state_dict(weights, strict=False)
    tied = set(getattr(model, "all_tied_weights_keys", ("lm_head.weight",)))
    if wrong := [*(set(missing) - tied), *unexpected]:
        raise RuntimeError(f"the training's weights do not fit the model: {wrong[0]} and {len(wrong) - 1} others")


def copy_files(checkpoint: str, directory: Path) -> None:
    """All files of a checkpoint but its weights and its card, where the directory has none of that name.

    generation_config.json is the checkpoint's own in any case: transformers writes one with what it knows.
    """
    for file in Path(checkpoint).iterdir():
        if not file.is_file() or file.name.endswith(_WEIGHTS) or file.name == "README.md":
            continue
        if file.name == "generation_config.json" or not (directory / file.name).exists():
            shutil.copy(file, directory / file.name)
