"""Qwen2-VL and its kin: loading, freezing, and saving again as a complete Hugging Face directory."""

import shutil
from pathlib import Path
from typing import Any

from ain import UserError
from ain.model.processor import Processor

_WEIGHTS = (".safetensors", ".bin", ".pt", ".index.json")


class Qwen2VL:
    """A checkpoint of the Qwen2-VL class to train; all its parameters, less the parts that are frozen.

    dtype: of the weights in training. In bfloat16 an update of a small learning rate is lost to rounding, so they are kept
    in float32 and only the arithmetic is bfloat16. export_dtype: of the weights that are saved.
    """

    def __init__(
        self,
        checkpoint: str,
        processor: Processor,
        dtype: str = "float32",
        export_dtype: str = "bfloat16",
        freeze_vision: bool = False,
        freeze_merger: bool = False,
        freeze_language: bool = False,
    ) -> None:
        self.checkpoint = checkpoint
        self.processor = processor
        self.dtype = dtype
        self.export_dtype = export_dtype
        self.frozen = {"vision": freeze_vision, "merger": freeze_merger, "language": freeze_language}

    def load(self) -> Any:
        """The model, ready to train."""
        model = _loaded(self.checkpoint, self.dtype)
        for name, parameter in model.named_parameters():
            parameter.requires_grad = not self.frozen[part_of(name)]
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise UserError(
                "everything is frozen, so there is nothing to train; set model.freeze_vision, freeze_merger "
                "or freeze_language to false"
            )
        return model

    def reload(self, directory: Path) -> Any:
        """What `export` saved."""
        return _loaded(str(directory), self.export_dtype)

    def export(self, model: Any, directory: Path) -> None:
        """Weights, configuration and every processor file of the base, so that `AutoProcessor` loads the result too.

        The model itself is brought to the export's dtype.
        """
        import torch

        model.to(getattr(torch, self.export_dtype)).save_pretrained(directory)
        for file in Path(self.checkpoint).iterdir():
            if (
                file.is_file()
                and not file.name.endswith(_WEIGHTS)
                and file.name != "README.md"
                and not (directory / file.name).exists()
            ):
                shutil.copy(file, directory / file.name)


def _loaded(checkpoint: str, dtype: str) -> Any:
    """A checkpoint that lacks a weight, or has one too many, is refused."""
    import torch
    from transformers import AutoModelForImageTextToText

    loader: Any = AutoModelForImageTextToText
    model, info = loader.from_pretrained(checkpoint, dtype=getattr(torch, dtype), output_loading_info=True)
    wrong = [str(key) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in sorted(info[kind])]
    if wrong:
        raise UserError(
            f"{checkpoint}: not a checkpoint of this model: {wrong[0]} and {len(wrong) - 1} other weights do not fit"
        )
    return model


def part_of(parameter: str) -> str:
    """vision | merger | language: the part of the model that a parameter's name belongs to."""
    if ".visual." in f".{parameter}":
        return "merger" if ".merger." in parameter else "vision"
    return "language"
