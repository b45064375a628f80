"""Weights: loading them with a check that all fit, and putting trained ones back into a model."""

import shutil
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from ain import UserError

_WEIGHTS = (".safetensors", ".bin", ".pt", ".index.json")


def families() -> list[str]:
    """Return the model families: the packages beside this module, named after their `model_type`."""
    return sorted(module.name for module in iter_modules([str(Path(__file__).parent)]) if module.ispkg)


def configuration(checkpoint: str, model_type: str) -> Any:
    """Return a checkpoint's configuration. Raise UserError for another family, before its weights are read."""
    from transformers import AutoConfig

    found = AutoConfig.from_pretrained(checkpoint)
    if found.model_type != model_type:
        raise UserError(
            f"model.checkpoint={checkpoint}: it is of the type {found.model_type}, and this model= loads {model_type}; "
            f"the families are {', '.join(families())}"
        )
    return found


def loaded(checkpoint: str, model_type: str, dtype: str) -> Any:
    """Load a checkpoint. Raise UserError if it lacks a weight or has an extra one."""
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
    """Set a model's weights, including adapters. All but tied ones must be given, and no others."""
    missing, unexpected = model.load_state_dict(weights, strict=False)
    tied = set(getattr(model, "all_tied_weights_keys", ("lm_head.weight",)))
    if wrong := [*(set(missing) - tied), *unexpected]:
        raise RuntimeError(f"the training's weights do not fit the model: {wrong[0]} and {len(wrong) - 1} others")


def copy_files(checkpoint: str, directory: Path) -> None:
    """Copy all files of a checkpoint except its weights and its model card, without overwriting existing files.

    Only generation_config.json is always overwritten: transformers writes one that holds just what it knows.
    """
    for file in Path(checkpoint).iterdir():
        if not file.is_file() or file.name.endswith(_WEIGHTS) or file.name == "README.md":
            continue
        if file.name == "generation_config.json" or not (directory / file.name).exists():
            shutil.copy(file, directory / file.name)
