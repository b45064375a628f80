"""Reference-free translation quality from CometKiwi and similar models.

Rei et al., "CometKiwi: IST-Unbabel 2022 Submission for the Quality Estimation Shared Task", WMT 2022. Translation and
source go through XLM-R as one sequence, its layers are mixed, and a small network computes the score from the first
token. COMET's own package conflicts with our dependencies; `benchmarks/cometkiwi_peer.py` shows that the scores agree.
"""

import pickle
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ain import UserError
from ain.runtime.batching import batches
from ain.runtime.device import chosen
from ain.runtime.ranges import Positive
from ain.verifier.base import PairScorer

_FILES = ["hparams.yaml", "checkpoints/model.ckpt"]
_ENCODER_FILES = ["config.json", "tokenizer*.json", "special_tokens_map.json", "sentencepiece.bpe.model"]
_SETTINGS: dict[str, list[Any]] = {  # settings that affect a score → supported values; empty: any value
    "class_identifier": ["unified_metric"],
    "encoder_model": ["XLM-RoBERTa"],
    "pretrained_model": [],
    "input_segments": [],
    "sent_layer": [],
    "layer_transformation": ["softmax", "sparsemax"],
    "layer_norm": [True, False],
    "hidden_sizes": [],
    "activations": ["Tanh", "Sigmoid"],
    "final_activation": [None, "Tanh", "Sigmoid"],
}
# Stored by COMET but not needed for a score: the word-level head and its loss, the dropout of layers in training, and
# the pooler and positions that older releases of COMET and transformers stored.
_UNUSED = (
    "hidden2tag.",
    "wordloss.",
    "layerwise_attention.dropout_",
    "encoder.model.pooler.",
    "encoder.model.embeddings.position_ids",
)


class CometKiwi(PairScorer):
    """Scores with any COMET UnifiedMetric model on XLM-R that needs no references.

    checkpoint: a directory with `hparams.yaml` and `checkpoints/model.ckpt`, or a hub id, optionally with `@revision`.
    """

    def __init__(self, checkpoint: str, batch_size: Positive = 64, device: str = "auto") -> None:
        self.checkpoint = checkpoint
        self.batch_size = batch_size
        self.device = device

    def score(self, pairs: list[tuple[str, str]]) -> np.ndarray:
        """Return the quality of each (source, translation), float32 [pairs]; higher is better.

        Batches are filled by length to reduce padding; the scores are in the order of the pairs.
        """
        sequences = self._sequences(pairs) if pairs else []
        scores = np.zeros(len(pairs), dtype=np.float32)
        for batch in batches([-len(sequence) for sequence in sequences], self.batch_size):
            scores[batch] = self._batch([sequences[i] for i in batch])
        return scores

    def _sequences(self, pairs: list[tuple[str, str]]) -> list[Tensor]:
        """Return `<s> translation </s></s> source </s>` as token ids, cut to the encoder's maximum length.

        As in COMET, each text may fill nearly the whole sequence, and the joined sequence is cut at its end: after a
        very long translation, nothing of the source is left.
        """
        network, tokenizer = self._model
        limit = network.longest
        start, end = [tokenizer.cls_token_id], [tokenizer.sep_token_id]

        def inner(texts: list[str]) -> list[list[int]]:
            encoded = tokenizer(texts, truncation=True, max_length=limit - 2)["input_ids"]
            return [[i for i in ids if i != tokenizer.pad_token_id][1:-1] for ids in encoded]

        sources, translations = inner([source for source, _ in pairs]), inner([made for _, made in pairs])
        joined = [start + made + end + end + source + end for source, made in zip(sources, translations, strict=True)]
        return [torch.tensor(ids[:limit]) for ids in joined]

    def _batch(self, sequences: list[Tensor]) -> np.ndarray:
        network, tokenizer = self._model
        ids = pad_sequence(sequences, batch_first=True, padding_value=tokenizer.pad_token_id)
        mask = pad_sequence([torch.ones_like(sequence) for sequence in sequences], batch_first=True)
        device = chosen(self.device)
        with torch.inference_mode():
            return network(ids.to(device), mask.to(device)).cpu().numpy()

    @cached_property
    def _model(self) -> "tuple[_Network, Any]":
        """The network with its weights, and its tokenizer."""
        from transformers import XLMRobertaTokenizer

        settings, weights = self._read()
        encoder = _fetched(settings["pretrained_model"], _ENCODER_FILES)
        if not any((encoder / name).is_file() for name in ("tokenizer.json", "sentencepiece.bpe.model")):
            # transformers would continue with an empty vocabulary
            raise UserError(f"{encoder}: has no tokenizer; {self.checkpoint} needs that of XLM-R")
        network = _Network(settings, encoder)
        try:
            network.load_state_dict({name: weights[name] for name in weights if not name.startswith(_UNUSED)})
        except RuntimeError as error:  # its message: a heading, then a line per kind of error
            faults = "; ".join(line.strip() for line in str(error).splitlines()[1:])
            raise UserError(f"{self.checkpoint}: the weights do not fit hparams.yaml: {faults[:500]}") from None
        return network.to(chosen(self.device)).eval(), XLMRobertaTokenizer.from_pretrained(encoder)

    def _read(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return the hyper-parameters and the weights."""
        directory = _fetched(self.checkpoint, _FILES)
        if missing := [name for name in _FILES if not (directory / name).is_file()]:
            raise UserError(f"{self.checkpoint}: has no {missing[0]}; give a checkpoint in COMET's layout")
        try:
            stored = torch.load(directory / _FILES[1], map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            raise UserError(
                f"{self.checkpoint}: {_FILES[1]} is no plain weights file; give one that COMET saved"
            ) from None
        written = yaml.safe_load((directory / _FILES[0]).read_text(encoding="utf-8"))
        return _effective(written, stored.get("hyper_parameters", {}), self.checkpoint), stored["state_dict"]


class _Network(nn.Module):
    """Encoder, layer mix and estimator, with COMET's parameter names."""

    def __init__(self, settings: dict[str, Any], encoder: Path) -> None:
        from transformers import XLMRobertaConfig, XLMRobertaModel

        super().__init__()
        config = XLMRobertaConfig.from_pretrained(encoder)
        self.settings = settings
        self.longest = config.max_position_embeddings - 2  # XLM-R counts positions from 2
        self.encoder = nn.ModuleDict({"model": XLMRobertaModel(config, add_pooling_layer=False)})
        self.estimator = nn.ModuleDict({"ff": _estimator(config.hidden_size, settings)})
        if settings["sent_layer"] == "mix":
            scores = nn.ParameterList([torch.zeros(1) for _ in range(config.num_hidden_layers + 1)])
            self.layerwise_attention = nn.ParameterDict({"scalar_parameters": scores, "gamma": torch.ones(1)})

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return scores [pairs] from ids [pairs, tokens] and a mask of the same shape, 0 for padding."""
        layers = self.encoder["model"](ids, attention_mask=mask, output_hidden_states=True).hidden_states
        return self.estimator["ff"](self._first_token(layers, mask)).flatten()

    def _first_token(self, layers: tuple[Tensor, ...], mask: Tensor) -> Tensor:
        """Return the first token's vector [pairs, width], mixed over all layers or from the layer `sent_layer`."""
        if self.settings["sent_layer"] != "mix":
            return layers[self.settings["sent_layer"]][:, 0]
        scores = torch.cat(list(self.layerwise_attention["scalar_parameters"]))
        shares = sparsemax(scores) if self.settings["layer_transformation"] == "sparsemax" else scores.softmax(dim=0)
        if self.settings["layer_norm"]:
            layers = tuple(standardised(layer, mask) for layer in layers)
        mixed = sum(share * layer[:, 0] for share, layer in zip(shares, layers, strict=True))
        return self.layerwise_attention["gamma"] * mixed


def sparsemax(scores: Tensor) -> Tensor:
    """Return the point of the probability simplex nearest to scores [n] (Martins and Astudillo, 2016, Algorithm 1).

    Like softmax, it keeps the order and sums to one, but scores far below the best become exactly zero.
    """
    falling = scores.sort(descending=True).values
    counts = torch.arange(1, len(scores) + 1, device=scores.device)
    surplus = (falling.cumsum(0) - 1) / counts  # the threshold if the first `counts` scores are kept
    kept = int((falling > surplus).sum())
    return (scores - surplus[kept - 1]).clamp(min=0)


def standardised(layer: Tensor, mask: Tensor) -> Tensor:
    """Scale layer [pairs, tokens, width] to mean 0 and variance 1 over all values of a pair except padding."""
    real = mask[:, :, None].to(layer.dtype)
    count = real.sum(dim=(1, 2), keepdim=True) * layer.shape[2]
    centred = layer - (layer * real).sum(dim=(1, 2), keepdim=True) / count
    variance = (centred * real).square().sum(dim=(1, 2), keepdim=True) / count
    return centred / (variance + 1e-12).sqrt()


def _estimator(width: int, settings: dict[str, Any]) -> nn.Sequential:
    """Return a network [pairs, width] -> [pairs, 1]. Identity replaces COMET's dropout, to keep its layer numbers."""
    layers: list[nn.Module] = []
    for size in settings["hidden_sizes"]:
        layers += [nn.Linear(width, size), getattr(nn, settings["activations"])(), nn.Identity()]
        width = size
    last = [getattr(nn, settings["final_activation"])()] if settings["final_activation"] else []
    return nn.Sequential(*layers, nn.Linear(width, 1), *last)


def _effective(written: dict[str, Any], stored: dict[str, Any], checkpoint: str) -> dict[str, Any]:
    """Return the effective hyper-parameters: as in COMET, those stored with the weights override hparams.yaml.

    The exception is `sparsemax_patch`, which released models have in hparams.yaml while the weights say sparsemax:
    COMET ignored that name in training, so these models were trained with softmax.
    """
    settings = {**written, **stored}
    if "sparsemax_patch" in (written.get("layer_transformation"), settings.get("layer_transformation")):
        settings["layer_transformation"] = "softmax"
    for name, known in _SETTINGS.items():
        if name not in settings:
            raise UserError(f"{checkpoint}: hparams.yaml has no {name}")
        if known and settings[name] not in known:
            raise UserError(f"{checkpoint}: {name} is {settings[name]}; known are {', '.join(map(str, known))}")
    if not {"mt", "src"} <= set(settings["input_segments"]):
        raise UserError(f"{checkpoint}: needs references; give a model whose input_segments include mt and src")
    return settings


def _fetched(name: str, files: list[str]) -> Path:
    """Return the local directory of that name, or the directory of these files downloaded from the hub."""
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=files))
    except (OSError, HFValidationError) as error:
        reason = str(error).splitlines()[0].split(". ")[0].rstrip(".")
        raise UserError(
            f"{name}: cannot be fetched ({reason}); if it is gated, accept the licence on its page of the hub and run "
            "`hf auth login` or set HF_TOKEN, or else give a local directory"
        ) from None
