"""The tiny models: a byte-level BPE fitted to the world, and untrained models of the same classes that load real ones."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# ChatML takes eleven tokens per turn; this template takes three, since a tiny model has a tenth of a second per step.
CHAT_TEMPLATE = r"""
{%- for message in messages -%}
{{ "" if message.role == "assistant" else "<|im_start|>" }}
{%- if message.content is string -%}
{{ message.content }}
{%- else -%}
{%- for part in message.content -%}
{{ part.text if part.type == "text" else "<|vision_start|><|" + part.type + "_pad|><|vision_end|>" }}
{%- endfor -%}
{%- endif -%}
{{ "<|im_end|>" if message.role == "assistant" else "\n" }}
{%- endfor -%}
"""
IMAGE_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")


def byte_pairs(texts: Iterable[str], size: int, special: list[str], phrases: bool = False) -> Any:
    """Return a byte-level BPE of `size` tokens. Digits stay single, so that numbers are read and copied digit by digit.

    With `phrases`, a token may span words, so that the world's questions take one or two tokens each.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not phrases),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def chat_tokenizer(texts: Iterable[str], size: int) -> Any:
    """Return a tokenizer with Qwen2-VL's special tokens and a chat template that is a shorter form of ChatML."""
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *IMAGE_TOKENS]
    made = PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs(texts, size, special, phrases=True),
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=special[1:],
    )
    made.chat_template = CHAT_TEMPLATE
    return made


def qwen2_vl(tokenizer: Any, layers: int = 2, width: int = 128) -> Any:
    """Return a Qwen2-VL with about a million parameters; an image of 56 x 56 becomes four visual tokens."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    token = tokenizer.convert_tokens_to_ids
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": width,
            "intermediate_size": 3 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [4, 6, 6]},
            "bos_token_id": token("<|endoftext|>"),
            "eos_token_id": token("<|im_end|>"),
            "pad_token_id": token("<|endoftext|>"),
        },
        vision_config={"depth": 2, "embed_dim": 96, "num_heads": 4, "mlp_ratio": 2, "hidden_size": width},
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    return Qwen2VLForConditionalGeneration(config)


def save_processor(tokenizer: Any, directory: Path) -> None:
    """Save all processor files that `AutoProcessor` needs where torchvision is installed."""
    tokenizer.save_pretrained(directory)
    (directory / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    image = {
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "merge_size": 2,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "rescale_factor": 1 / 255,
        "resample": 3,
        "size": {"shortest_edge": 3136, "longest_edge": 12845056},
        "processor_class": "Qwen2VLProcessor",
    }
    for name, kind in (
        ("preprocessor_config", "image_processor_type"),
        ("video_preprocessor_config", "video_processor_type"),
    ):
        value = "Qwen2VLImageProcessor" if kind.startswith("image") else "Qwen2VLVideoProcessor"
        (directory / f"{name}.json").write_text(json.dumps(image | {kind: value}, indent=2), encoding="utf-8")


def text_tokenizer(texts: Iterable[str], size: int) -> Any:
    """Return a tokenizer for the translator and the encoder; sentences end with </s>."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    inner = byte_pairs(texts, size, ["<pad>", "</s>", "<unk>"])
    inner.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=128
    )


def marian(tokenizer: Any, width: int = 128, layers: int = 2) -> Any:
    """Return a model of OPUS-MT's class with 0.8M parameters."""
    from transformers import MarianConfig, MarianMTModel

    size = {"layers": layers, "attention_heads": 4, "ffn_dim": 2 * width}
    sides: dict[str, Any] = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in size.items()}
    config = MarianConfig(
        vocab_size=len(tokenizer),
        d_model=width,
        **sides,
        dropout=0.0,
        scale_embedding=True,
        init_std=0.05,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        forced_eos_token_id=None,
        share_encoder_decoder_embeddings=True,
        tie_word_embeddings=True,
    )
    return MarianMTModel(config)


def sentence_encoder(tokenizer: Any) -> Any:
    """Return a BERT with 0.4M parameters and mean pooling, as sentence-transformers assembles it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.05,
        pad_token_id=tokenizer.pad_token_id,
    )
    with tempfile.TemporaryDirectory() as untrained:
        BertModel(config).save_pretrained(untrained)
        tokenizer.save_pretrained(untrained)
        transformer = Transformer(untrained, max_seq_length=128)
    return SentenceTransformer(modules=[transformer, Pooling(config.hidden_size, "mean")], device="cpu")
