"""Chat models of `transformers`, on this machine: any causal language model with a chat template, or Qwen2-VL with images."""

import io
import time
from collections import deque
from collections.abc import Iterable, Iterator
from copy import copy
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from ain import Unavailable
from ain.chat import Reply, Request, Take, images_of
from ain.engine.local import Local
from ain.runtime.device import chosen
from ain.runtime.paths import install_hint
from ain.storage.digests import content_digest


class TransformersChat:
    """Greedy answers in batches. They cost nothing but time; the schema of a request is left to its prompt.

    processor: `ain.model.processor.Processor`, for a model of the Qwen2-VL class that is to see images; others see with
    the processor of their checkpoint, which needs torchvision.
    """

    price = None

    def __init__(
        self, checkpoint: str, processor: Any = None, dtype: str = "auto", batch_size: int = 16, device: str = "auto"
    ) -> None:
        self.checkpoint, self.processor = checkpoint, processor
        self.engine: Any = None  # whoever asks may say where it is worked out
        self.dtype, self.batch_size, self.device = dtype, batch_size, device

    @cached_property
    def identity(self) -> list[Any]:
        local = Path(self.checkpoint)
        seen = self.processor.max_pixels if self.processor else None
        return ["transformers", content_digest(local) if local.is_dir() else self.checkpoint, self.dtype, seen]

    def ask(self, requests: Iterable[Request], take: Take, directory: Path) -> None:
        """Batches are spread by the engine; a copy of this goes to each of its workers."""
        waiting, on_their_way = iter(requests), deque[list[Request]]()

        def batches() -> Iterator[list[Request]]:
            while batch := list(islice(waiting, self.batch_size)):
                on_their_way.append(batch)
                yield batch

        part = copy(self)
        part.engine = None
        for replies in (self.engine or Local()).map(part, "answers", batches()):
            for request, reply in zip(on_their_way.popleft(), replies, strict=True):
                take(request, reply)

    def answers(self, batch: list[Request]) -> list[Reply]:
        import torch

        started = time.perf_counter()
        inputs = self._inputs(batch)
        limit = max(request.max_tokens for request in batch)
        with torch.inference_mode():
            out = self._model.generate(
                **inputs, do_sample=False, max_new_tokens=limit, pad_token_id=self._tokenizer.pad_token_id
            )
        seconds = (time.perf_counter() - started) / len(batch)
        prompts = inputs["attention_mask"].sum(dim=1).tolist()
        made = out[:, inputs["input_ids"].shape[1] :].tolist()
        return [self._reply(*each, seconds) for each in zip(batch, made, prompts, strict=True)]

    def _reply(self, request: Request, ids: list[int], prompt_tokens: int, seconds: float) -> Reply:
        """Cut at the first end-of-turn, or at the tokens that this request allows."""
        end = next((i for i, token in enumerate(ids) if token in self._ends), len(ids))
        ids, finish = (
            ids[: min(end, request.max_tokens)],
            "stop" if end <= request.max_tokens and end < len(ids) else "length",
        )
        text = self._tokenizer.decode(ids, skip_special_tokens=True).strip()
        return Reply(text, finish, prompt_tokens, len(ids), seconds)

    def _inputs(self, batch: list[Request]) -> dict[str, Any]:
        """Padded on the left, so that a batch answers as one by one."""
        seen = [
            [Image.open(io.BytesIO(data)).convert("RGB") for data in images_of(request.messages)] for request in batch
        ]
        if any(seen) and self.processor is None:
            inputs = self._seen_by_its_own(batch, seen)
        elif any(seen):
            samples = [
                self.processor.tokenize([_message(m) for m in request.messages], [image.size for image in images])
                for request, images in zip(batch, seen, strict=True)
            ]
            inputs = self.processor.collate(samples, [image for images in seen for image in images], left=True)
            inputs.pop("labels")
        else:
            texts = [
                self._tokenizer.apply_chat_template(request.messages, tokenize=False, add_generation_prompt=True)
                for request in batch
            ]
            inputs = dict(
                self._tokenizer(texts, padding=True, padding_side="left", add_special_tokens=False, return_tensors="pt")
            )
            inputs.pop("token_type_ids", None)
        return {name: tensor.to(self._model.device) for name, tensor in inputs.items()}

    def _seen_by_its_own(self, batch: list[Request], seen: list[list[Image.Image]]) -> dict[str, Any]:
        chats = [[_message(m) for m in request.messages] for request in batch]
        texts = [self._own.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for chat in chats]
        images = [image for of in seen for image in of]
        made = self._own(text=texts, images=images, padding=True, padding_side="left", return_tensors="pt")
        dtype = self._model.dtype
        return {name: value.to(dtype) if value.is_floating_point() else value for name, value in made.items()}

    @cached_property
    def _own(self) -> Any:
        from transformers import AutoProcessor

        try:
            return AutoProcessor.from_pretrained(self.checkpoint)
        except ImportError:
            raise Unavailable(
                f"{self.checkpoint}: its processor needs torchvision, which goes with a GPU's torch: {install_hint('gpu')}"
            ) from None

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.checkpoint)
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        return tokenizer

    @cached_property
    def _ends(self) -> set[int]:
        given = self._model.generation_config.eos_token_id
        return {self._tokenizer.eos_token_id, *(given if isinstance(given, list) else [given])}

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

        seeing = getattr(AutoConfig.from_pretrained(self.checkpoint), "vision_config", None) is not None
        loader: Any = AutoModelForImageTextToText if seeing else AutoModelForCausalLM
        return loader.from_pretrained(self.checkpoint, dtype=self.dtype).to(chosen(self.device)).eval()


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """As the templates of vision models want it: a list of parts."""
    content = message["content"]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return {**message, "content": [{"type": "image"} if part["type"] == "image_url" else part for part in parts]}
