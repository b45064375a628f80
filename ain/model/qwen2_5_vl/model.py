"""Qwen2.5-VL's model, as differences from Qwen2-VL."""

from typing import Any, ClassVar

from ain.model.qwen2_vl import Qwen2VL
from ain.model.size import VisionShape


class Qwen2_5VL(Qwen2VL):  # noqa: N801
    """transformers' Qwen2_5_VLForConditionalGeneration."""

    model_type: ClassVar[str] = "qwen2_5_vl"

    def vision(self, config: Any) -> VisionShape:
        vision = config.vision_config
        whole, window = len(vision.fullatt_block_indexes), (vision.window_size // vision.patch_size) ** 2
        return VisionShape(vision.depth, vision.hidden_size, vision.spatial_merge_size**2, vision.depth - whole, window)
