"""Which attention a model runs with, and scaled-dot-product attention for rows of several samples."""

from importlib.util import find_spec
from typing import Any

import torch

from ain import UserError
from ain.runtime.paths import install_hint

PACKED = "sdpa_packed"


def choose(wanted: str, gpu: bool, half: bool) -> tuple[str, str]:
    """(implementation in transformers' words, why). `auto` takes flash attention where it can run, else SDPA.

    half: whether the arithmetic is bfloat16.
    """
    if wanted.startswith("flash"):
        if reason := _no_flash(wanted, gpu, half):
            raise UserError(f"model.attention={wanted}: {reason}; say model.attention=sdpa")
        return wanted, "as asked"
    if wanted == "auto":
        reason = _no_flash("flash_attention_2", gpu, half)
        if reason is None:
            return "flash_attention_2", "it is the fastest"
        return PACKED, f"flash_attention_2 cannot run: {reason}"
    return (PACKED if wanted == "sdpa" else wanted), "as asked"


def _no_flash(wanted: str, gpu: bool, half: bool) -> str | None:
    """Why flash attention cannot run here."""
    module = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}[wanted]
    if not gpu:
        return "it needs a GPU"
    if not half:
        return "it needs bfloat16, as with trainer.precision=bf16-mixed"
    if find_spec(module) is None:
        return f"{module} is not installed" + (f" ({install_hint('flash')})" if module == "flash_attn" else "")
    return None


def sdpa_packed(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    position_ids: torch.Tensor | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of a packed row, sample by sample: query [1, heads, T, d] → [1, T, heads, d].

    A sample starts where `position_ids` [1, T] is 0. The work grows with the sum of the samples' squared lengths, not with
    the square of the row, and no mask is built.
    """
    assert position_ids is not None
    assert len(query) == 1
    starts = (position_ids[0] == 0).nonzero()[:, 0].tolist()
    lengths = [end - start for start, end in zip(starts, [*starts[1:], query.shape[2]], strict=True)]
    pieces = zip(*(tensor.split(lengths, dim=2) for tensor in (query, key, value)), strict=True)
    made = [
        torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=True, scale=scaling, dropout_p=dropout, enable_gqa=True
        )
        for q, k, v in pieces
    ]
    return torch.cat(made, dim=2).transpose(1, 2), None


def register() -> None:
    """Make `sdpa_packed` known to transformers. It registers no mask, so that none is built."""
    from transformers import AttentionInterface

    AttentionInterface.register(PACKED, sdpa_packed)
