"""Runs an encoder's transformer as an ONNX graph on CPUs. It is exported once and cached by the checkpoint's content.

sentence-transformers has such backends too, but in a package that does not support transformers 5 yet.
"""

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from ain import Unavailable
from ain.runtime.paths import install_hint
from ain.storage.digests import cache, content_digest

_NAMES = ["input_ids", "attention_mask"]


class Onnx(torch.nn.Module):
    """Replaces a sentence encoder's first module. quantised: 8-bit integer weights, with dynamic quantisation."""

    def __init__(self, transformer: Any, checkpoint: str, quantised: bool) -> None:
        super().__init__()
        try:
            import onnxruntime
        except ImportError:
            raise Unavailable(
                f"onnxruntime is not installed; {install_hint('onnx')}, or set verifier.backend=torch"
            ) from None
        self.tokenizer, self.max_seq_length = transformer.tokenizer, transformer.max_seq_length
        self.do_lower_case = getattr(transformer, "do_lower_case", False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # batches run in parallel instead
        graph = _graph(transformer, checkpoint, quantised)
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Add token_embeddings [batch, tokens, width], as the replaced module does."""
        made = self._session.run(None, {name: features[name].numpy() for name in _NAMES})[0]
        return {**features, "token_embeddings": torch.from_numpy(made)}


def _graph(transformer: Any, checkpoint: str, quantised: bool) -> Path:
    kept = cache("onnx") / content_digest(Path(checkpoint)) / ("int8" if quantised else "float32")
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            _export(transformer, Path(folder) / "made" / "model.onnx")
            if quantised:
                _quantise(Path(folder) / "made" / "model.onnx")
            shutil.move(Path(folder) / "made", kept)
    return kept / "model.onnx"


def _export(transformer: Any, path: Path) -> None:
    """Export for any batch size and length. The older exporter is quick, and its graph is faster for encoders."""
    path.parent.mkdir()
    ids = torch.ones(2, 7, dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's warnings about its own code
        torch.onnx.export(
            _Hidden(transformer.model).eval(),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=_NAMES,
            output_names=["token_embeddings"],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in [*_NAMES, "token_embeddings"]},
            dynamo=False,
        )


class _Hidden(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # type: ignore[no-any-return]


def _quantise(path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    made = path.with_name("int8.onnx")
    quantize_dynamic(path, made, weight_type=QuantType.QInt8)
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    made.rename(path)
