"""The size of a model and the cost of training it: parameters, operations and activations, from its architecture."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class VisionShape(NamedTuple):
    """Dimensions of a vision tower. `windowed_layers` of its layers attend only within windows of `window` patches."""

    layers: int
    width: int
    patches_per_token: int  # patches that become one visual token
    windowed_layers: int = 0
    window: int = 0

    def attention(self, patches: float) -> float:
        """Return how many patches one of an image's `patches` attends to, summed over all layers."""
        return (self.layers - self.windowed_layers) * patches + self.windowed_layers * min(patches, self.window)


@dataclass(frozen=True)
class Counts:
    """Number of parameters by part."""

    vision: int
    projector: int
    language: int  # without the embedding
    embedding: int
    head: int  # 0 if tied to the embedding

    @property
    def all(self) -> int:
        return self.vision + self.projector + self.language + self.embedding + self.head


@dataclass(frozen=True)
class Size(Counts):
    """Number of parameters by part, and the dimensions that operations and activations are computed from."""

    layers: int
    width: int
    inner: int
    queries: int  # width of all heads together
    keys: int  # width of keys and values together
    vocabulary: int
    tower: VisionShape


def counts(config: Any, part: Callable[[str], str]) -> Counts:
    """Count the parameters by part. The model is built without memory, so counting takes no longer for 72B than for 2B."""
    import torch
    from transformers import AutoModelForImageTextToText

    plain = type(config).from_dict(config.to_dict())  # a loaded model's own also names its attention, which may be ours
    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(plain)
    found = dict.fromkeys(("vision", "projector", "language", "embedding", "head"), 0)
    for name, parameter in model.named_parameters():  # a tied weight is listed once
        kind = "embedding" if "embed_tokens" in name else "head" if "lm_head" in name else part(name)
        found[kind] += parameter.numel()
    return Counts(**found)


def size(config: Any, part: Callable[[str], str], tower: VisionShape) -> Size:
    """Return the size for a configuration with a text_config, as all vision-language models in transformers have."""
    text = config.text_config
    head_size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return Size(
        **asdict(counts(config, part)),
        layers=text.num_hidden_layers,
        width=text.hidden_size,
        inner=text.intermediate_size,
        queries=head_size * text.num_attention_heads,
        keys=2 * head_size * text.num_key_value_heads,
        vocabulary=text.vocab_size,
        tower=tower,
    )


@dataclass(frozen=True)
class Load:
    """The amount of training data: totals over samples."""

    samples: int
    tokens: int
    answer_tokens: int
    visual_tokens: int
    patches: int | None = None  # None: visual_tokens times the patches per visual token

    @classmethod
    def of(cls, counts: dict[str, int]) -> "Load":
        """Read the totals from the tokenize stage's counts."""
        names = ("", "_tokens", "_answer_tokens", "_visual_tokens", "_patches")
        return cls(*(counts[f"train{name}"] for name in names))

    def seen(self, of: Size) -> int:
        """Return the number of patches that the vision tower processes."""
        return self.visual_tokens * of.tower.patches_per_token if self.patches is None else self.patches

    def per_sample(self, total: float) -> float:
        return total / max(self.samples, 1)


def flops(of: Size, load: Load, frozen: dict[str, bool], adapters: bool = False) -> float:
    """Return the floating-point operations of one forward and backward pass over the load, without recomputation.

    Each weight takes two operations per token forward, and twice that backward. A frozen part needs no backward pass if
    nothing before it is trained, and half of one if gradients pass through it. Attention: 6 n^2 width per layer for a
    causal sample of n tokens, twice that for an image.
    """
    patches = load.seen(of)
    if adapters:
        frozen = dict.fromkeys(frozen, True)
    below_vision = adapters or not frozen["vision"]
    below_projector = below_vision or not frozen["projector"]
    n, p = load.per_sample(load.tokens), load.per_sample(patches)
    language = 2 * of.language * load.tokens + 2 * of.layers * of.queries * n * load.tokens
    head = 2 * (of.head or of.embedding) * load.answer_tokens
    vision = 2 * of.vision * patches + 4 * of.tower.width * of.tower.attention(p) * patches
    projector = 2 * of.projector * load.visual_tokens
    return (
        vision * _passes(frozen["vision"], adapters)
        + projector * _passes(frozen["projector"], below_vision)
        + (language + head) * _passes(frozen["language"], below_projector)
    )


def _passes(frozen: bool, below: bool) -> int:
    return 3 if not frozen else 2 if below else 1


def activations(of: Size, load: Load, row_length: float, checkpointing: bool, bytes_each: int) -> float:
    """Return the maximum number of bytes that one row keeps for its backward pass.

    With checkpointing, a layer keeps only its input, and one layer at a time is recomputed. The logits of the answers
    are counted twice in full precision.
    """
    share = row_length / max(load.tokens, 1)
    answers, patches = load.answer_tokens * share, load.seen(of) * share
    layer = row_length * bytes_each * (4 * of.width + 2 * of.queries + 2 * of.keys + 4 * of.inner)
    seeing = patches * bytes_each * 16 * of.tower.width
    text = row_length * bytes_each * of.width * of.layers + layer if checkpointing else layer * of.layers
    vision = (
        patches * bytes_each * of.tower.width * of.tower.layers + seeing if checkpointing else seeing * of.tower.layers
    )
    return text + vision + answers * of.vocabulary * (4 + 4 + bytes_each)
