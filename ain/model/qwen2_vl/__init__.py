"""Qwen2-VL. The processors and models of Qwen2.5-VL and Qwen3-VL are subclasses of these."""

from ain.model.qwen2_vl.model import Qwen2VL
from ain.model.qwen2_vl.processor import Qwen2VLProcessor

__all__ = ["Qwen2VL", "Qwen2VLProcessor"]
