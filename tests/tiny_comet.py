"""Random checkpoints in the layout of COMET's UnifiedMetric, and pairs to score with them.

The original package scored them once (`benchmarks/cometkiwi_peer.py`); tests only score them with ours. All numbers
come from numpy's RandomState, whose streams are frozen, so no release of torch or transformers changes them.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from transformers import XLMRobertaConfig, XLMRobertaModel

WIDTH, LAYERS, POSITIONS = 32, 3, 66  # XLM-R reserves two positions, which leaves 64 tokens
LONG_ENGLISH = "The cat and the dogs sit near the big red tree, and what is in the picture is large. " * 4
LONG_ARABIC = "القطة والكلاب تجلس قرب الشجرة الكبيرة الحمراء، وما في الصورة كبير. " * 4

PAIRS = [
    ("What is in the picture?", "ماذا في الصورة؟"),
    ("cat", "قطة"),
    ("", ""),
    ("The cat sits near the tree.", ""),
    ("", "القطة تجلس قرب الشجرة."),
    ("The cat sits near the tree.", "القِطَّةُ تَجلِسُ قُربَ الشَّجَرةِ."),
    ("There are 12 dogs and 345 cats.", "يوجد ١٢ كلبًا و 345 قطة."),
    (LONG_ENGLISH, "القطة تجلس."),
    ("The cat sits.", LONG_ARABIC),
    (LONG_ENGLISH[:170], LONG_ARABIC[:100]),
    (LONG_ENGLISH, LONG_ARABIC),
    ("  two   spaces <pad> and </s> a sign ", "مسافتان   وعلامة <pad> 🙂\n"),
    ("What is in the picture?", "ماذا في الصورة؟"),
]

# Settings in hparams.yaml, and different ones stored with the weights.
VARIANTS: dict[str, dict[str, Any]] = {
    "sparsemax": {"layer_transformation": "sparsemax", "layer_norm": True, "hidden_sizes": [24, 16]},
    "softmax": {
        "layer_transformation": "softmax",
        "layer_norm": True,
        "hidden_sizes": [16],
        "activations": "Sigmoid",
        "final_activation": "Sigmoid",
        "word_level_training": True,
    },
    "released": {"layer_transformation": "sparsemax_patch", "layer_norm": False, "hidden_sizes": [24, 16]},
    "one_layer": {"layer_transformation": "sparsemax", "layer_norm": False, "hidden_sizes": [16], "sent_layer": 2},
}
STORED: dict[str, dict[str, Any]] = {
    "released": {"layer_transformation": "sparsemax"},
    "softmax": {"layer_norm": False},
}


def build(variant: str, directory: Path) -> Path:
    """Build the checkpoint of a variant in a directory, with its encoder's configuration and tokenizer; return its path."""
    encoder, checkpoint = directory / "encoder", directory / variant
    encoder.mkdir(parents=True, exist_ok=True)
    (checkpoint / "checkpoints").mkdir(parents=True)
    size = _tokenizer(encoder)
    config = XLMRobertaConfig(
        vocab_size=size,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
    )
    config.save_pretrained(encoder)
    settings = {
        "class_identifier": "unified_metric",
        "encoder_model": "XLM-RoBERTa",
        "pretrained_model": str(encoder),
        "input_segments": ["mt", "src"],
        "sent_layer": "mix",
        "word_layer": 2,
        "activations": "Tanh",
        "final_activation": None,
        "dropout": 0.1,
        "pool": "avg",  # UnifiedMetric ignores this and uses the first token
        "word_level_training": False,
        **VARIANTS[variant],
    }
    (checkpoint / "hparams.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    stored = {**settings, **STORED.get(variant, {})}
    weights = _weights(config, settings)
    saved = {"pytorch-lightning_version": "2.6.6", "hyper_parameters": stored, "state_dict": weights}
    torch.save(saved, checkpoint / "checkpoints" / "model.ckpt")
    return checkpoint


def _tokenizer(directory: Path) -> int:
    """Save a tokenizer in XLM-R's format with words, word parts and letters; return its vocabulary size."""
    text = " ".join(source + " " + translation for source, translation in PAIRS)
    words = sorted({f"▁{word}" for word in text.split() if not word.startswith("<")} | {"s", "ات", "ال", "ing"})
    letters = sorted({"▁", *text} - {"🙂", " ", "\n", "<", ">"})
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [[token, 0.0] for token in special]
    # Half of the words are left out, so that some texts are split into parts.
    pieces += [[word, -4.0 - 0.01 * i] for i, word in enumerate(words[::2])]
    pieces += [[letter, -6.0 - 0.01 * i] for i, letter in enumerate(letters) if letter not in words[::2]]
    special.append("<mask>")
    ids = [0, 1, 2, 3, len(pieces)]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    template = {name: {"id": name, "ids": [i], "tokens": [name]} for name, i in (("<s>", 0), ("</s>", 2))}
    start, end = ({"SpecialToken": {"id": name, "type_id": 0}} for name in template)
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    spaces = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    made = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": token, **flags} for i, token in zip(ids, special, strict=True)],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, spaces]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, first, end],
            "pair": [start, first, end, end, second, end],
            "special_tokens": template,
        },
        "decoder": spaces,
        "model": {"type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": False},
    }
    (directory / "tokenizer.json").write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
    (directory / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "XLMRobertaTokenizer"}))
    return len(pieces) + 1


def _weights(config: XLMRobertaConfig, settings: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return weights under COMET's names, including parts that scores do not use."""
    encoder = XLMRobertaModel(config, add_pooling_layer=False).state_dict()
    shapes = {f"encoder.model.{name}": tuple(tensor.shape) for name, tensor in encoder.items()}
    sizes = [WIDTH, *settings["hidden_sizes"], 1]
    for i, (wide, narrow) in enumerate(pairwise(sizes)):
        shapes |= {f"estimator.ff.{3 * i}.weight": (narrow, wide), f"estimator.ff.{3 * i}.bias": (narrow,)}
    if settings["word_level_training"]:
        shapes |= {"hidden2tag.weight": (3, WIDTH), "hidden2tag.bias": (3,)}
    random = np.random.RandomState(7)
    made = {}
    for name in sorted(shapes):
        values = random.standard_normal(shapes[name]) * (0.05 if name.endswith("bias") else 0.3)
        made[name] = torch.tensor(values + 1.0 * name.endswith("LayerNorm.weight"), dtype=torch.float32)
    made["encoder.model.embeddings.position_ids"] = torch.arange(POSITIONS)[None]
    if settings["sent_layer"] == "mix":
        # A sparsemax keeps three of these, with weights 0.1, 0.6 and 0.3.
        for i, score in enumerate([0.2, 0.7, -0.5, 0.4]):
            made[f"layerwise_attention.scalar_parameters.{i}"] = torch.tensor([score])
        made["layerwise_attention.gamma"] = torch.tensor([1.3])
        made["layerwise_attention.dropout_mask"] = torch.zeros(LAYERS + 1)
        made["layerwise_attention.dropout_fill"] = torch.full((LAYERS + 1,), -1e20)
    return made
