"""The model card of an exported checkpoint: its metadata for the hub, and its text for people."""

import pytest
from huggingface_hub import ModelCard

from ain.trainer.model_card import model_card

COUNTS = {"samples": 1_200, "steps": 75, "loss": 0.5, "validation_loss": 0.25}
REVISION = "895c3a49bc3fa70a340399125c650a463535e71c"


@pytest.mark.parametrize(
    ("base", "named", "base_model"),
    [
        (
            f"/cache/hub/models--Qwen--Qwen2-VL-2B-Instruct/snapshots/{REVISION}",
            f"`Qwen/Qwen2-VL-2B-Instruct@{REVISION}`",
            "Qwen/Qwen2-VL-2B-Instruct",
        ),
        ("outputs/checkpoints/base-1234", "`base-1234`", None),
    ],
)
def test_the_metadata_loads(base: str, named: str, base_model: str | None) -> None:
    card = ModelCard(model_card(base, {"counts": {"tokens": 34_567}}, COUNTS))
    assert card.data.to_dict() == {
        "language": ["ar", "en"],
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
        "tags": ["arabic", "vision-language"],
        **({"base_model": base_model} if base_model else {}),
    }
    text = " ".join(card.text.split())
    assert f"Supervised fine-tuning of {named} on 1,200 conversations (34,567 tokens), 75 steps." in text
    assert "Loss over the last tenth of them 0.5, on validation data 0.25." in text


def test_without_validation_none_is_named() -> None:
    card = model_card("base", {"counts": {"tokens": 1}}, COUNTS | {"validation_loss": None})
    assert "validation" not in card
