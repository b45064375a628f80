"""Qwen2-VL. Its processor and model are also what Qwen2.5-VL and Qwen3-VL are described against."""

from ain.model.qwen2_vl.model import Qwen2VL
from ain.model.qwen2_vl.processor import Qwen2VLProcessor

__all__ = ["Qwen2VL", "Qwen2VLProcessor"]
