"""The choice of attention and its reason, and calling torch's variable-length attention with each version's arguments."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from test_families import Sample, alone, drawn, packed, sample
from tiny_qwen import FAMILIES, checkpoint, family

from ain import UserError
from ain.model import attention
from ain.model.attention import choose
from ain.model.base import ModelFamily


@pytest.fixture
def ampere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (8, 0))


def installed(monkeypatch: pytest.MonkeyPatch, module: str, source: str, where: Path) -> None:
    (where / f"{module}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(where)
    monkeypatch.setitem(sys.modules, module, ModuleType(module))  # so that it is restored in the end
    del sys.modules[module]


@pytest.fixture
def without_flash(monkeypatch: pytest.MonkeyPatch) -> None:
    found = attention.find_spec
    monkeypatch.setattr(attention, "find_spec", lambda name: None if name == "flash_attn" else found(name))


def test_without_a_gpu_it_is_sdpa() -> None:
    name, why = choose("auto", gpu=False, bf16=True)
    assert name == "sdpa_packed"
    assert "flash_attention_2 cannot run: it needs a GPU" in why
    assert choose("sdpa", gpu=False, bf16=False) == ("sdpa_packed", "as asked")
    assert choose("eager", gpu=False, bf16=False)[0] == "eager"


def test_without_bfloat16_it_is_sdpa() -> None:
    name, why = choose("auto", gpu=True, bf16=False)
    assert name == "sdpa_packed"
    assert why.count("trainer.precision=bf16-mixed") == 2


def test_flash_attention_is_the_first_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed(monkeypatch, "flash_attn", "def flash_attn_varlen_func(): ...", tmp_path)
    assert choose("auto", gpu=True, bf16=True) == ("flash_attention_2", "the fastest")


@pytest.mark.parametrize(
    "source",
    ["raise ImportError('undefined symbol: _ZN3c10')", "raise OSError('libcudart.so.11')", "import nothing_here", ""],
)
@pytest.mark.usefixtures("ampere")
def test_a_half_installed_package_is_a_reason_and_no_error(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(monkeypatch, "flash_attn", source, tmp_path)
    name, why = choose("auto", gpu=True, bf16=True)
    assert name == "varlen_packed"
    assert why.startswith("flash_attention_2 cannot run: flash_attn is installed but cannot be used (")
    with pytest.raises(
        UserError, match=r"model.attention=flash_attention_2: flash_attn is installed .* set model.attention=auto"
    ):
        choose("flash_attention_2", gpu=True, bf16=True)


@pytest.mark.usefixtures("ampere", "without_flash")
def test_without_flash_attention_it_is_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    name, why = choose("auto", gpu=True, bf16=True)
    assert (name, "flash_attn is not installed" in why) == ("varlen_packed", True)
    monkeypatch.setattr(attention, "find_spec", lambda _: None)
    name, why = choose("auto", gpu=True, bf16=True)
    assert (name, "it came with torch 2.10" in why) == ("sdpa_packed", True)


@pytest.mark.usefixtures("without_flash")
def test_an_old_gpu_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (7, 5))
    name, why = choose("auto", gpu=True, bf16=True)
    assert (name, "Ampere" in why) == ("sdpa_packed", True)


def test_what_is_asked_for_and_cannot_run_is_refused() -> None:
    for name in ("flash_attention_2", "flash_attention_3", "varlen_packed"):
        with pytest.raises(UserError, match=rf"^model.attention={name}: it needs a GPU; set model.attention=auto$"):
            choose(name, gpu=False, bf16=True)


def test_a_family_has_candidates_of_its_own() -> None:
    assert choose("auto", False, True, ("flash_attention_2", "eager"))[0] == "eager"


def reference(q: Any, k: Any, v: Any, cu: Any, causal: bool, scale: float | None, groups: int) -> torch.Tensor:
    """Return the attention computed sample by sample: [T, heads, d]."""
    pieces = []
    for start, end in zip(cu[:-1].tolist(), cu[1:].tolist(), strict=True):
        one = [
            x[start:end].transpose(0, 1) for x in (q, k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1))
        ]
        made = torch.nn.functional.scaled_dot_product_attention(*one, is_causal=causal, scale=scale)
        pieces.append(made.transpose(0, 1))
    return torch.cat(pieces)


def torch_2_10(
    query: Any, key: Any, value: Any, cu_seq_q: Any, cu_seq_k: Any, max_q: int, max_k: int, is_causal: bool = False
) -> Any:
    assert (query.shape[1], max_q) == (key.shape[1], int((cu_seq_q[1:] - cu_seq_q[:-1]).max()))
    return reference(query, key, value, cu_seq_q, is_causal, None, 1)


def torch_2_11(
    query: Any, key: Any, value: Any, cu_seq_q: Any, cu_seq_k: Any, max_q: int, max_k: int,
    *, scale: Any = None, window_size: tuple[int, int] = (-1, -1),
) -> Any:  # fmt: skip
    assert query.shape[1] == key.shape[1]
    return reference(query, key, value, cu_seq_q, window_size == (-1, 0), scale, 1)


def torch_2_13(
    query: Any, key: Any, value: Any, cu_seq_q: Any, cu_seq_k: Any, max_q: int, max_k: int,
    *, scale: Any = None, window_size: tuple[int, int] = (-1, -1), enable_gqa: bool = False,
) -> Any:  # fmt: skip
    groups = query.shape[1] // key.shape[1]
    assert groups == 1 or enable_gqa
    return reference(query, key, value, cu_seq_q, window_size == (-1, 0), scale, groups)


@pytest.fixture(scope="module", params=list(FAMILIES))
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFamily:
    return family(request.param, checkpoint(request.param, tmp_path_factory.mktemp(request.param)))


def three(kind: ModelFamily) -> list[Sample]:
    return [
        sample(kind, ["<image>\nWhat is it?"], [drawn(60, 150, 1)]),
        sample(kind, ["What is it?", "And now?"], []),
        sample(kind, ["<image><image>"], [drawn(180, 90, 2), drawn(56, 56, 3)]),
    ]


@pytest.mark.parametrize("function", [torch_2_10, torch_2_11, torch_2_13])
def test_variable_length_attention_in_language_model_and_vision_tower(
    function: Any, kind: ModelFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a GPU, torch's function is replaced by the same computation, with the signatures of three torch versions."""
    calls: list[int] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(len(arguments[3]) - 1)
        return function(*arguments, **named)

    counted.__signature__ = attention.signature(function)  # type: ignore[attr-defined]
    module = ModuleType("torch.nn.attention.varlen")
    module.varlen_attn = counted  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(torch.nn.attention, "varlen", module, raising=False)

    model, samples = kind.load(say=False), three(kind)
    before = kind.size(model.config)
    attention.use(model, "varlen_packed")
    assert model.config.text_config is model.model.language_model.config
    assert kind.size(model.config) == before
    row, _, _ = packed(model, kind, samples)
    text, vision = model.config.text_config.num_hidden_layers, model.config.vision_config.depth
    assert len(calls) == text + vision  # one call per layer
    assert calls.count(3) >= text
    row.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())

    with attention.generating(model, kind.generation_attention):
        assert model.config.text_config._attn_implementation == "sdpa"
    assert model.config.text_config._attn_implementation == "varlen_packed"
    singles = torch.cat([alone(model, kind, one) for one in samples])
    torch.testing.assert_close(row, singles, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("causal", [True, False])
def test_adjacent_samples_of_equal_length_are_computed_in_one_call(
    causal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths, calls = [3, 3, 5, 3], []
    offsets = torch.tensor([0, 3, 6, 11, 14], dtype=torch.int32)
    query, key, value = (torch.randn(14, heads, 8) for heads in (4, 2, 2))
    expected = reference(query, key, value, offsets, causal, None, 2)

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(tuple(arguments[0].shape))
        return sdpa(*arguments, **named)

    sdpa = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", counted)
    row = [tensor.transpose(0, 1)[None] for tensor in (query, key, value)]
    for given in ({"lengths": lengths}, {"cu_seq_lens_q": offsets}):
        made, _ = attention.sdpa_packed(None, *row, None, is_causal=causal, **given)
        torch.testing.assert_close(made[0], expected)
    assert calls == 2 * [(2, 4, 3, 8), (1, 4, 5, 8), (1, 4, 3, 8)]


def test_windows_and_caps_are_refused_by_packed_attention() -> None:
    query = torch.zeros(1, 2, 4, 8)
    for wrong in ({"sliding_window": 4}, {"softcap": 50.0}):
        with pytest.raises(ValueError, match="neither a sliding window nor soft-capping"):
            attention.sdpa_packed(None, query, query, query, None, lengths=[4], **wrong)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_variable_length_attention_on_a_gpu(kind: ModelFamily) -> None:
    model, samples = kind.load(say=False).to("cuda"), three(kind)
    made = []
    for name in ("varlen_packed", "sdpa_packed"):
        attention.use(model, name)
        model.zero_grad()
        batch = kind.processor.pack([tokens for tokens, _ in samples], [images for _, images in samples])
        batch = {key: value.cuda() if isinstance(value, torch.Tensor) else value for key, value in batch.items()}
        with torch.autocast("cuda", torch.bfloat16):
            logits = kind.logits(model, kind.hidden(model, batch)).float()
        logits.square().mean().backward()
        made.append((logits.detach(), [parameter.grad.clone() for parameter in model.parameters()]))
    torch.testing.assert_close(made[0][0], made[1][0], atol=0.1, rtol=0.05)
    for one, other in zip(made[0][1], made[1][1], strict=True):
        torch.testing.assert_close(one, other, atol=0.05 * float(other.abs().max()) + 1e-6, rtol=0.1)
