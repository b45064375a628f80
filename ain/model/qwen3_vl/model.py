"""Qwen3-VL's model, as differences from Qwen2-VL."""

from typing import Any, ClassVar

from ain.model.qwen2_vl import Qwen2VL
from ain.model.size import VisionShape


class Qwen3VL(Qwen2VL):
    """transformers' Qwen3VLForConditionalGeneration."""

    model_type: ClassVar[str] = "qwen3_vl"

    def vision(self, config: Any) -> VisionShape:
        vision = config.vision_config
        return VisionShape(vision.depth, vision.hidden_size, vision.spatial_merge_size**2)
