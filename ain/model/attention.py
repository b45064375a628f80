"""Attention for rows that hold several samples: choosing an implementation that can run here, and two of our own."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from itertools import groupby, pairwise
from typing import Any

import torch

from ain import UserError
from ain.runtime.paths import install_hint

FLASH, VARLEN, PACKED = "flash_attention_2", "varlen_packed", "sdpa_packed"
# transformers passes all images to the vision tower in one call only if the name contains "flash"; else one call per image.
_IN_VISION = {VARLEN: "flash_varlen_ain", PACKED: "flash_sdpa_ain"}
_FUNCTIONS = {
    "flash_attention_2": ("flash_attn", "flash_attn_varlen_func"),
    "flash_attention_3": ("flash_attn_interface", "flash_attn_varlen_func"),
}


def choose(wanted: str, gpu: bool, bf16: bool, candidates: Sequence[str] = (FLASH, VARLEN, PACKED)) -> tuple[str, str]:
    """Return (implementation, reason). `auto` takes the first of the model family's candidates that can run here.

    bf16: whether the computation is in bfloat16.
    """
    if wanted == "auto":
        reasons: list[str] = []
        for name in candidates:
            reason = unavailable(name, gpu, bf16)
            if reason is None:
                return name, "; ".join(reasons) or "the fastest"
            reasons.append(f"{name} cannot run: {reason}")
        raise UserError(f"model.attention=auto: {'; '.join(reasons)}")
    name = PACKED if wanted == "sdpa" and PACKED in candidates else wanted
    able = [*candidates, "eager", *(["flash_attention_3"] if FLASH in candidates else [])]
    reason = unavailable(name, gpu, bf16) if name in able else f"this model family runs with {', '.join(able)}"
    if reason:
        raise UserError(f"model.attention={wanted}: {reason}; set model.attention=auto")
    return name, "as asked"


def unavailable(name: str, gpu: bool, bf16: bool) -> str | None:
    """Return why an implementation cannot run here, or None if it can."""
    if name not in (*_FUNCTIONS, VARLEN):
        return None
    if not gpu:
        return "it needs a GPU"
    if not bf16:
        return "it needs bfloat16, as with trainer.precision=bf16-mixed"
    if name == VARLEN:
        return _no_varlen()
    module, function = _FUNCTIONS[name]
    if find_spec(module) is None:
        return f"{module} is not installed" + (f" ({install_hint('flash')})" if module == "flash_attn" else "")
    return _broken(module, function)


def _no_varlen() -> str | None:
    if torch.cuda.get_device_capability() < (8, 0):
        return "it needs a GPU of the Ampere generation or newer"
    if find_spec("torch.nn.attention.varlen") is None:
        return f"torch {torch.__version__} does not have it; it came with torch 2.10"
    return _broken("torch.nn.attention.varlen", "varlen_attn")


def _broken(module: str, function: str) -> str | None:
    """Return why a function cannot be imported, or None: a package built for another torch is found but does not import."""
    try:
        getattr(import_module(module), function)
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        return f"{module} is installed but cannot be used ({str(error).splitlines()[0]})"
    return None


def use(model: Any, name: str) -> None:
    """Set the attention implementation of the language model and the vision tower."""
    from transformers import AttentionInterface

    for ours, function in ((PACKED, sdpa_packed), (VARLEN, varlen_packed)):
        AttentionInterface.register(ours, function)
        AttentionInterface.register(_IN_VISION[ours], function)
    model.set_attn_implementation({"text_config": name, "vision_config": "sdpa" if name in _IN_VISION else name})
    if name in _IN_VISION:  # the setter would look for a package of that name on the hub
        model.config.vision_config._attn_implementation_internal = _IN_VISION[name]


@contextmanager
def generating(model: Any, name: str) -> Iterator[None]:
    """Use another implementation in the language model for a while: those for packed rows do not support a KV cache."""
    config = model.config.text_config
    before = config._attn_implementation
    config._attn_implementation_internal = name
    try:
        yield
    finally:
        config._attn_implementation_internal = before


@contextmanager
def boundaries(language_model: Any, bounds: list[int]) -> Iterator[None]:
    """Pass the sample bounds of a packed row to every layer, in the form its implementation expects; once per step."""
    name = language_model.config._attn_implementation
    given: dict[str, Any] = {}
    if name == PACKED:
        given["lengths"] = [end - start for start, end in pairwise(bounds)]
    elif name == VARLEN or name.startswith("flash"):
        device = next(language_model.parameters()).device
        starts = torch.tensor(bounds, dtype=torch.int32, device=device)
        longest = max(end - start for start, end in pairwise(bounds))
        given = {"cu_seq_lens_q": starts, "cu_seq_lens_k": starts, "max_length_q": longest, "max_length_k": longest}
    # Not passed as arguments of the whole model: before transformers 5.20 they would also reach its vision tower.
    hook = language_model.register_forward_pre_hook(lambda _, args, kwargs: (args, kwargs | given), with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def sdpa_packed(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    lengths: Sequence[int] = (),
    cu_seq_lens_q: torch.Tensor | None = None,
    is_causal: bool | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Compute the attention of a packed row, sample by sample: query [1, heads, T, d] → [1, T, heads, d].

    lengths: of the samples, which add up to T; the vision tower gives cu_seq_lens_q instead, the offsets of its images.
    Adjacent samples of equal length, such as images of one size, are computed in one call. The cost grows with the sum
    of the samples' squared lengths, not with the square of the row, and no mask is built.
    """
    _whole_samples(query, kwargs)
    causal = module.is_causal if is_causal is None else is_causal
    alike = groupby(lengths if cu_seq_lens_q is None else cu_seq_lens_q.diff().tolist())
    groups = [(length, len(list(them))) for length, them in alike]
    # One split: each slice on its own would fill a gradient of the whole row.
    pieces = zip(*(t[0].split([math.prod(group) for group in groups], dim=1) for t in (query, key, value)), strict=True)
    made = []
    for (length, _), piece in zip(groups, pieces, strict=True):
        q, k, v = (t.unflatten(1, (-1, length)).transpose(0, 1) for t in piece)
        found = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=causal, scale=scaling, dropout_p=dropout, enable_gqa=True
        )
        made.append(found.transpose(1, 2).flatten(0, 1))
    return torch.cat(made)[None], None


def varlen_packed(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    is_causal: bool | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Compute the same in one call of torch's variable-length attention, for the language model and the vision tower.

    cu_seq_lens_q [samples + 1]: the offsets at which samples start in the row, and its end.
    """
    from torch.nn.attention import varlen

    _whole_samples(query, kwargs)
    if dropout:
        raise ValueError(f"{VARLEN} has no dropout")
    causal = module.is_causal if is_causal is None else is_causal
    # Under autocast, rotary positions leave query and key in float32, and autocast does not convert them for this function.
    q, k, v = (tensor[0].transpose(0, 1).to(value.dtype) for tensor in (query, key, value))
    names = _parameters(varlen.varlen_attn)
    given: dict[str, Any] = (
        {"is_causal": causal} if "is_causal" in names else {"window_size": (-1, 0 if causal else -1)}
    )
    if "scale" in names:
        given["scale"] = scaling
    elif scaling is not None:
        q = q * (scaling * q.shape[-1] ** 0.5)
    if q.shape[1] != k.shape[1]:
        if "enable_gqa" in names:
            given["enable_gqa"] = True
        else:
            k, v = (tensor.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for tensor in (k, v))
    made: Any = varlen.varlen_attn(q, k, v, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, **given)
    return made[None], None


@lru_cache
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    """Return the parameter names. torch 2.10 has is_causal, 2.11 window_size and scale instead, 2.12 also enable_gqa."""
    return frozenset(signature(function).parameters)


def _whole_samples(query: torch.Tensor, kwargs: dict[str, Any]) -> None:
    if len(query) != 1:
        raise ValueError("packed attention takes one row at a time")
    if kwargs.get("sliding_window") or kwargs.get("softcap"):
        raise ValueError("packed attention has neither a sliding window nor soft-capping: set model.attention=eager")
