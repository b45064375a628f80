"""Qwen2.5-VL: window attention in the vision tower, and time positions of videos based on their frame rate."""

from ain.model.qwen2_5_vl.model import Qwen2_5VL
from ain.model.qwen2_5_vl.processor import Qwen2_5VLProcessor

__all__ = ["Qwen2_5VL", "Qwen2_5VLProcessor"]
