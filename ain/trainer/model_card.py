"""The model card that goes with an exported checkpoint."""

from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

# Each placeholder becomes as many tokens as the image has squares of patches, as the processor of these families does.
USAGE = """\
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

directory = "this directory"
model = AutoModelForImageTextToText.from_pretrained(directory)
tokenizer = AutoTokenizer.from_pretrained(directory)
processor = AutoImageProcessor.from_pretrained(directory, backend="pil")

image = Image.open("image.png").convert("RGB")
content = [{"type": "image"}, {"type": "text", "text": "ماذا يوجد في الصورة؟"}]
messages = [{"role": "user", "content": content}]
text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
pixels = processor(images=[image], return_tensors="pt")
tokens = int(pixels["image_grid_thw"].prod()) // processor.merge_size**2
text = text.replace("<|image_pad|>", "<|image_pad|>" * tokens)
inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt")
image_token = tokenizer.convert_tokens_to_ids("<|image_pad|>")
inputs["mm_token_type_ids"] = (inputs["input_ids"] == image_token).int()
answer = model.generate(**inputs, **pixels, do_sample=False, max_new_tokens=64)
print(tokenizer.decode(answer[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
"""


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

Ask it about an image; this needs no torchvision, which `AutoProcessor` would:

```python
{USAGE}```

With `ain` installed, the same in a terminal: `ain chat DIRECTORY image.png`.

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
