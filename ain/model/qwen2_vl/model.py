"""The Qwen2-VL model: its parts, its forward pass over a packed row, its dimensions."""

from typing import Any, ClassVar

from ain.model.base import ModelFamily, Part
from ain.model.processor import Batch
from ain.model.size import VisionShape

_INPUTS = ("input_ids", "position_ids", "pixel_values", "image_grid_thw")


class Qwen2VL(ModelFamily):
    """transformers' Qwen2VLForConditionalGeneration."""

    model_type: ClassVar[str] = "qwen2_vl"

    def part(self, parameter: str) -> Part:
        if ".visual." not in f".{parameter}":
            return "language"
        return "projector" if "merger" in parameter else "vision"

    def hidden(self, model: Any, batch: Batch) -> Any:
        from ain.model.attention import boundaries

        with boundaries(model.model.language_model, batch["bounds"]):
            inputs = {name: batch[name] for name in _INPUTS}
            return model.model(**inputs, use_cache=False).last_hidden_state[0]

    def vision(self, config: Any) -> VisionShape:
        vision = config.vision_config
        return VisionShape(vision.depth, vision.embed_dim, vision.spatial_merge_size**2)
