"""The model card that goes with an exported checkpoint."""

from pathlib import Path
from typing import Any


def model_card(base: str, data: dict[str, Any], counts: dict[str, Any]) -> str:
    tokenized = data["counts"]
    return f"""---
language: [ar, en]
library_name: transformers
pipeline_tag: image-text-to-text
---
# A model fine-tuned with ain

Supervised fine-tuning of `{_named(base)}` on {counts["samples"]:,} conversations ({tokenized["tokens"]:,} tokens),
{counts["steps"]:,} steps. Loss over the last tenth of them {counts["loss"]}{_validation(counts)}.

```python
from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained("this directory")
processor = AutoProcessor.from_pretrained("this directory")  # needs torchvision, too
```

`data_manifest.json` says what it was trained on, from the source on. How well it does is measured by `ain evaluate`.
"""


def _named(base: str) -> str:
    """A checkpoint's name: a hub's copy lies in models--ORG--NAME/snapshots/REVISION."""
    path = Path(base)
    hub = next((part for part in path.parts if part.startswith("models--")), None)
    return f"{hub.removeprefix('models--').replace('--', '/')}@{path.name}" if hub else path.name


def _validation(counts: dict[str, Any]) -> str:
    return "" if counts["validation_loss"] is None else f", on validation data {counts['validation_loss']}"
