"""The model card that goes with an exported checkpoint."""

from typing import Any


def model_card(base: str, data: dict[str, Any], counts: dict[str, Any]) -> str:
    packed = data["counts"]
    return f"""---
language: [ar, en]
library_name: transformers
pipeline_tag: image-text-to-text
---
# A model fine-tuned with ain

Supervised fine-tuning of `{base.rsplit("/", 1)[-1]}` on {counts["samples"]:,} conversations ({packed["tokens"]:,} tokens),
{counts["steps"]:,} steps. Loss at the end {counts["loss"]}, on validation data {counts["validation_loss"]}.

```python
from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained("this directory")
processor = AutoProcessor.from_pretrained("this directory")
```

What it was trained on stands in `data_manifest.json`. How well it does is for the evaluation beside it to say.
"""
