"""Qwen3-VL: patches of 16 pixels, features of several vision layers, and timestamps of videos written into the text."""

from ain.model.qwen3_vl.model import Qwen3VL
from ain.model.qwen3_vl.processor import Qwen3VLProcessor

__all__ = ["Qwen3VL", "Qwen3VLProcessor"]
