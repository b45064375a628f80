"""Local checkpoints through `transformers`: any causal language model with a chat template, with or without vision."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from copy import copy
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ain import UserError
from ain.chat import Message, Reply, Request, Score, Take
from ain.chat.checkpoint import CheckpointModel
from ain.chat.cost import Budget
from ain.chat.local_inputs import Inputs, OwnInputs, ProcessorInputs, Sample, TextInputs, needs_torchvision
from ain.engine.local import Local
from ain.model.shared_images import share_images
from ain.runtime.batching import batches
from ain.runtime.device import chosen

WINDOW = 4  # number of batches that are sorted by length together


class LocalModel(CheckpointModel):
    """Generates greedy answers and scores continuations, in batches by length. A request's schema is not enforced.

    Args:
        checkpoint: null if the stage supplies it.
        processor: `ain.model.processor.Processor` for this project's model families; other vision models use the
            processor of their checkpoint, which needs torchvision.
    """

    library, batched = "transformers", True

    def __init__(
        self,
        checkpoint: str | None = None,
        processor: Any = None,
        max_new_tokens: Annotated[int, Field(gt=0)] = 256,
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        batch_size: Annotated[int, Field(gt=0)] = 16,
        device: str = "auto",
    ) -> None:
        self.checkpoint, self.processor, self.max_new_tokens = checkpoint, processor, max_new_tokens
        self.dtype, self.batch_size, self.device = dtype, batch_size, device

    @property
    def shaping(self) -> list[Any]:
        return [self.dtype, self.processor.shaping if self.processor else None]

    def one_by_one(self) -> "LocalModel":
        model = copy(self)
        model.batch_size = 1
        return model

    def check_images(self) -> None:
        if self.processor is None and find_spec("torchvision") is None:
            raise needs_torchvision(self.named)

    def generate(
        self,
        requests: Iterable[Request],
        take: Take,
        directory: Path,
        *,
        engine: Any = None,
        budget: Budget | None = None,
    ) -> None:
        """Answer in windows of a few batches, distributed by the engine. Each worker gets a copy of this model."""
        waiting, in_flight = iter(requests), deque[list[Request]]()

        def windows() -> Iterator[list[Request]]:
            while window := list(islice(waiting, WINDOW * self.batch_size)):
                in_flight.append(window)
                yield window

        for replies in (engine or Local()).map(copy(self), "answers", windows()):
            for request, reply in zip(in_flight.popleft(), replies, strict=True):
                take(request, reply)

    def answers(self, requests: list[Request]) -> list[Reply]:
        """Return replies in request order. Padding is on the left, so that batching does not change the answers."""
        samples = [self._inputs.encode(request.messages) for request in requests]
        replies: dict[int, Reply] = {}
        for batch in batches([sample.length for sample in samples], self.batch_size):
            made = self._answered([requests[i] for i in batch], [samples[i] for i in batch])
            replies |= dict(zip(batch, made, strict=True))
        return [replies[i] for i in range(len(requests))]

    def _answered(self, requests: list[Request], samples: list[Sample]) -> list[Reply]:
        import torch

        started = time.perf_counter()
        inputs = self._tensors(samples, left=True)
        limit = max(request.max_tokens for request in requests)
        with torch.inference_mode():
            out = self._model.generate(
                **inputs, do_sample=False, max_new_tokens=limit, pad_token_id=self._tokenizer.pad_token_id
            )
        seconds = (time.perf_counter() - started) / len(requests)
        prompts = inputs["attention_mask"].sum(dim=1).tolist()
        made = out[:, inputs["input_ids"].shape[1] :].tolist()
        return [self._reply(*each, seconds) for each in zip(requests, made, prompts, strict=True)]

    def _reply(self, request: Request, ids: list[int], prompt_tokens: int, seconds: float) -> Reply:
        """Return a reply that is cut at the first end-of-turn token or at the request's limit."""
        end = next((i for i, token in enumerate(ids) if token in self._ends), len(ids))
        finish = "stop" if end <= request.max_tokens and end < len(ids) else "length"
        ids = ids[: min(end, request.max_tokens)]
        text = self._tokenizer.decode(ids, skip_special_tokens=True).strip()
        return Reply(text, finish, prompt_tokens, len(ids), seconds)

    def loglikelihood(self, requests: Iterable[tuple[list[Message], str]]) -> list[Score]:
        samples = [self._inputs.encode(messages, continuation) for messages, continuation in requests]
        scores: dict[int, Score] = {}
        for batch in batches([-sample.length for sample in samples], self.batch_size):
            scores |= dict(zip(batch, self._scored([samples[i] for i in batch]), strict=True))
        return [scores[i] for i in range(len(samples))]

    def _scored(self, samples: list[Sample]) -> list[Score]:
        """Return the scores of one batch.

        Padding is on the right, where causal attention ignores it. Logits at a position predict the next token.
        """
        import torch

        inputs = self._tensors(samples, left=False)
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        rows = zip(inputs["input_ids"].tolist(), lengths, samples, strict=True)
        starts = [_start(ids[:length], sample) for ids, length, sample in rows]
        width = inputs["input_ids"].shape[1]
        kept = width - min(starts) + 1  # positions from the last token of the shortest context on
        with torch.inference_mode():
            logits = self._model(**inputs, logits_to_keep=kept, use_cache=False).logits.float()
        scores = []
        for row, start, sample in zip(logits, starts, samples, strict=True):
            first = start - 1 - (width - kept)
            steps = row[first : first + len(sample.continuation)].log_softmax(dim=-1)
            ids = torch.tensor(sample.continuation, dtype=torch.long, device=steps.device)
            greedy = bool((steps.argmax(dim=-1) == ids).all())
            scores.append(Score(float(steps.gather(1, ids[:, None]).sum()), greedy))
        return scores

    def _tensors(self, samples: list[Sample], left: bool) -> dict[str, Any]:
        made = self._inputs.batch(samples, left)
        if self.processor is None:  # a family's own types have a meaning; those of a plain tokenizer have none here
            made.pop("token_type_ids", None)
        return {name: tensor.to(self._model.device) for name, tensor in made.items()}

    @cached_property
    def _inputs(self) -> Inputs:
        if self.processor is not None:
            return ProcessorInputs(self.processor)
        return OwnInputs(self.named, self._model.dtype) if self.sees else TextInputs(self._tokenizer)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.named)
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        return tokenizer

    @cached_property
    def _ends(self) -> set[int]:
        given = self._model.generation_config.eos_token_id
        return {self._tokenizer.eos_token_id, *(given if isinstance(given, list) else [given])}

    @cached_property
    def sees(self) -> bool:
        """Whether the model takes images."""
        from transformers import AutoConfig

        return getattr(self._loaded(AutoConfig), "vision_config", None) is not None

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

        loader: Any = AutoModelForImageTextToText if self.sees else AutoModelForCausalLM
        model = self._loaded(loader, dtype=self.dtype).to(chosen(self.device)).eval()
        if self.processor is not None and (tower := getattr(model.base_model, "visual", None)) is not None:
            share_images(tower)
        return model

    def _loaded(self, loader: Any, **settings: Any) -> Any:
        try:
            return loader.from_pretrained(self.named, **settings)
        except (OSError, ValueError) as error:  # files are missing or broken, or of a model that transformers lacks
            raise UserError(f"{self.named}: cannot be loaded: {str(error).strip().splitlines()[0]}") from None


def _start(ids: list[int], sample: Sample) -> int:
    """Return the index where the continuation begins. Raises UserError if its tokens differ after the context."""
    start = len(ids) - sample.after - len(sample.continuation)
    if ids[start : start + len(sample.continuation)] != sample.continuation:
        raise UserError("a continuation is tokenised differently behind its context; begin it with a whole word")
    return start
