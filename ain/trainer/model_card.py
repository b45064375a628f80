"""The model card that goes with an exported checkpoint."""

from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData


def model_card(base: str, data: dict[str, Any], counts: dict[str, Any]) -> str:
    """Return the model card.

    base: the directory of the checkpoint that was fine-tuned; data: manifest of the tokenized samples; counts: training
    results.
    """
    name, revision = _named(base)
    metadata = ModelCardData(
        language=["ar", "en"],
        library_name="transformers",
        pipeline_tag="image-text-to-text",
        base_model=name if revision else None,  # the hub has no others
        tags=["arabic", "vision-language"],
    )
    card = f"""---
{metadata.to_yaml()}
---
# A model fine-tuned with ain

Supervised fine-tuning of `{name}{f"@{revision}" if revision else ""}` on {counts["samples"]:,} conversations \
({data["counts"]["tokens"]:,} tokens), {counts["steps"]:,} steps. Loss over the last tenth of them {counts["loss"]}\
{_validation(counts)}.

```python
from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained("this directory")
processor = AutoProcessor.from_pretrained("this directory")  # needs torchvision
```

`data_manifest.json` records the data that it was trained on, back to the source. The loss says little about answers:
evaluate the model before you use it.
"""
    return str(ModelCard(card))


def _named(base: str) -> tuple[str, str | None]:
    """Return a checkpoint's name, and its revision if it is in the hub's cache (models--ORG--NAME/snapshots/REVISION)."""
    path = Path(base)
    hub = next((part for part in path.parts if part.startswith("models--")), None)
    return (hub.removeprefix("models--").replace("--", "/"), path.name) if hub else (path.name, None)


def _validation(counts: dict[str, Any]) -> str:
    return "" if counts["validation_loss"] is None else f", on validation data {counts['validation_loss']}"
