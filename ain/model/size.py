"""How large a model is and what training it takes: parameters, operations and activations, counted from its architecture."""

from dataclasses import dataclass
from typing import Any

from ain.model.qwen2_vl import part_of


@dataclass(frozen=True)
class Size:
    """Parameters by part, and the measures that operations and activations follow from."""

    vision: int
    merger: int
    language: int  # without the embedding
    embedding: int
    head: int  # 0 where it is the embedding
    layers: int
    width: int
    inner: int
    keys: int  # width of keys and values together
    vocabulary: int
    vision_layers: int
    vision_width: int
    merge: int

    @property
    def parameters(self) -> int:
        return self.vision + self.merger + self.language + self.embedding + self.head


def size(config: Any) -> Size:
    """Of a Qwen2VLConfig. The model is built without memory, so that counting takes no longer for 72B than for 2B."""
    import torch
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(config)
    counts = dict.fromkeys(("vision", "merger", "language", "embedding", "head"), 0)
    for name, parameter in model.named_parameters():  # a tied weight comes once
        kind = "embedding" if "embed_tokens" in name else "head" if "lm_head" in name else part_of(name)
        counts[kind] += parameter.numel()
    text, vision = config.text_config, config.vision_config
    head_size = text.hidden_size // text.num_attention_heads
    return Size(
        **counts,
        layers=text.num_hidden_layers,
        width=text.hidden_size,
        inner=text.intermediate_size,
        keys=2 * head_size * text.num_key_value_heads,
        vocabulary=text.vocab_size,
        vision_layers=vision.depth,
        vision_width=vision.embed_dim,
        merge=vision.spatial_merge_size**2,
    )


@dataclass(frozen=True)
class Load:
    """What is trained on: totals over samples."""

    samples: int
    tokens: int
    answer_tokens: int
    visual_tokens: int

    @classmethod
    def of(cls, counts: dict[str, int]) -> "Load":
        """From what tokenize counted."""
        return cls(*(counts[f"train{name}"] for name in ("", "_tokens", "_answer_tokens", "_visual_tokens")))

    def per_sample(self, total: float) -> float:
        return total / max(self.samples, 1)


def flops(of: Size, load: Load, frozen: dict[str, bool], adapters: bool = False) -> float:
    """Floating-point operations of one pass over the load, forward and backward, nothing computed twice.

    Two for each weight and token forward, twice that backward. A frozen part that nothing trained stands before needs no
    backward pass; one that gradients pass through takes half of it. Attention: 6 n^2 width a layer for a causal sample of n
    tokens, twice that for an image.
    """
    patches = load.visual_tokens * of.merge
    if adapters:
        frozen = dict.fromkeys(frozen, True)
    below_vision = adapters or not frozen["vision"]
    below_merger = below_vision or not frozen["merger"]
    n, p = load.per_sample(load.tokens), load.per_sample(patches)
    language = 2 * of.language * load.tokens + 2 * of.layers * of.width * n * load.tokens
    head = 2 * (of.head or of.embedding) * load.answer_tokens
    vision = 2 * of.vision * patches + 4 * of.vision_layers * of.vision_width * p * patches
    merger = 2 * of.merger * load.visual_tokens
    return (
        vision * _passes(frozen["vision"], adapters)
        + merger * _passes(frozen["merger"], below_vision)
        + (language + head) * _passes(frozen["language"], below_merger)
    )


def _passes(frozen: bool, below: bool) -> int:
    return 3 if not frozen else 2 if below else 1


def activations(of: Size, load: Load, row_tokens: float, checkpointing: bool, bytes_each: int) -> float:
    """Bytes that one row leaves for its backward pass, at most.

    With checkpointing a layer leaves its input alone, and one layer at a time is computed anew. The logits of the answers
    are there in full precision, twice.
    """
    share = row_tokens / max(load.tokens, 1)
    answers, patches = load.answer_tokens * share, load.visual_tokens * of.merge * share
    layer = row_tokens * bytes_each * (6 * of.width + 2 * of.keys + 4 * of.inner)
    seeing = patches * bytes_each * 16 * of.vision_width
    text = row_tokens * bytes_each * of.width * of.layers + layer if checkpointing else layer * of.layers
    vision = (
        patches * bytes_each * of.vision_width * of.vision_layers + seeing
        if checkpointing
        else seeing * of.vision_layers
    )
    return text + vision + answers * of.vocabulary * (4 + 4 + bytes_each)
