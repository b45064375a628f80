"""Tiny random checkpoints of the three Qwen families, whose logits depend on the images."""

import json
from pathlib import Path
from typing import Any

import torch

from ain.miniature import tiny
from ain.model.base import ModelFamily
from ain.model.qwen2_5_vl import Qwen2_5VL, Qwen2_5VLProcessor
from ain.model.qwen2_vl import Qwen2VL, Qwen2VLProcessor
from ain.model.qwen3_vl import Qwen3VL, Qwen3VLProcessor

FAMILIES: dict[str, tuple[type[ModelFamily], type[Qwen2VLProcessor]]] = {
    "qwen2_vl": (Qwen2VL, Qwen2VLProcessor),
    "qwen2_5_vl": (Qwen2_5VL, Qwen2_5VLProcessor),
    "qwen3_vl": (Qwen3VL, Qwen3VLProcessor),
}
SIZES = {"max_pixels": 50_176, "min_pixels": 3_136, "max_length": 256}
TEXTS = [
    "What is it?",
    "And now?",
    "ما هذا؟",
    "red",
    "blue",
    "أحمر",
    "0123456789.<> seconds",
    "Which is larger, and why?",
]
WIDTH = 64
_TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 2 * WIDTH,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [2, 3, 3]},
}
_VISION: dict[str, dict[str, Any]] = {
    "qwen2_vl": {"depth": 2, "embed_dim": 32, "num_heads": 2, "mlp_ratio": 2, "hidden_size": WIDTH},
    # A window of 56 pixels, so that an image has several windows; the second layer attends to the whole image.
    "qwen2_5_vl": {"depth": 2, "hidden_size": 32, "num_heads": 2, "intermediate_size": 64, "out_hidden_size": WIDTH}
    | {"window_size": 56, "fullatt_block_indexes": [1], "tokens_per_second": 2},
    "qwen3_vl": {"depth": 3, "hidden_size": 32, "num_heads": 2, "intermediate_size": 64, "out_hidden_size": WIDTH}
    | {"deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64},
}


def checkpoint(name: str, directory: Path) -> str:
    from transformers import AutoConfig, AutoModelForImageTextToText

    torch.manual_seed(0)
    tokenizer = tiny.chat_tokenizer(TEXTS, 320)
    token = tokenizer.convert_tokens_to_ids
    text = {**_TEXT, "vocab_size": len(tokenizer), "eos_token_id": token("<|im_end|>")}
    text |= {"pad_token_id": token("<|endoftext|>"), "bos_token_id": token("<|endoftext|>")}
    if name == "qwen3_vl":
        text |= {"head_dim": 16, "rope_parameters": {**_TEXT["rope_parameters"], "mrope_interleaved": True}}
    ids = {f"{kind}_token_id": token(f"<|{kind}_pad|>") for kind in ("image", "video")}
    ids |= {f"vision_{side}_token_id": token(f"<|vision_{side}|>") for side in ("start", "end")}
    config = AutoConfig.for_model(name, text_config=text, vision_config=_VISION[name], tie_word_embeddings=False, **ids)
    model: Any = AutoModelForImageTextToText.from_config(config)
    for parameter_name, parameter in model.named_parameters():  # at the initial scale images would hardly matter
        if parameter.ndim > 1:
            parameter.data *= 8 if "visual" in parameter_name else 2
    model.save_pretrained(directory)
    tiny.save_processor(tokenizer, directory)
    if name == "qwen3_vl":
        half = [0.5, 0.5, 0.5]
        for file in ("preprocessor_config.json", "video_preprocessor_config.json"):
            read = json.loads((directory / file).read_text(encoding="utf-8"))
            (directory / file).write_text(json.dumps(read | {"patch_size": 16, "image_mean": half, "image_std": half}))
    return str(directory)


def family(name: str, path: str, **model: Any) -> ModelFamily:
    kind, processor = FAMILIES[name]
    return kind(path, processor(path, **SIZES), export_dtype="float32", **model)
