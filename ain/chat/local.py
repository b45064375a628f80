"""Local checkpoints through `transformers`: any causal language model with a chat template, with or without vision."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ain import UserError
from ain.chat import Context, Reply, Request, Score, Take
from ain.chat.checkpoint import CheckpointModel
from ain.chat.cost import Budget
from ain.chat.local_inputs import (
    Inputs,
    OwnInputs,
    PlainInputs,
    ProcessorInputs,
    Sample,
    TextInputs,
    needs_torchvision,
    side_by_side,
)
from ain.chat.scoring import Scorer, TokenScores
from ain.chat.stopping import criteria, cut
from ain.engine.local import Local
from ain.model.shared_images import share_images
from ain.runtime.batching import ahead, batches
from ain.runtime.device import chosen

WINDOW = 4  # number of batches that are sorted by length together


class LocalModel(CheckpointModel):
    """Generates greedy answers and scores continuations, in batches by length. A request's schema is not enforced.

    Args:
        checkpoint: null if the stage supplies it.
        processor: `ain.model.processor.Processor` for this project's model families; other vision models use the
            processor of their checkpoint, which needs torchvision.
    """

    library = "transformers"

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
    def window(self) -> int:  # type: ignore[override]
        return WINDOW * self.batch_size

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
            while window := list(islice(waiting, self.window)):
                in_flight.append(window)
                yield window

        for replies in (engine or Local()).map(copy(self), "answers", windows()):
            for request, reply in zip(in_flight.popleft(), replies, strict=True):
                take(request, reply)

    def answers(self, requests: list[Request]) -> list[Reply]:
        """Return replies in request order. Padding is on the left, so that batching does not change the answers."""
        samples = [self._inputs.encode(request.messages) for request in requests]
        replies = self._answers(requests, samples, self._inputs)
        return [replace(reply, text=reply.text.strip()) for reply in replies]

    def complete(self, prompts: list[list[int]], max_tokens: int, stop: tuple[str, ...] = ()) -> list[Reply]:
        """Continue plain prompts, given as tokens, without a chat template. Spaces at an answer's ends are kept."""
        requests = [Request("", [], max_tokens, stop=stop)] * len(prompts)
        return self._answers(requests, [self._plain.plain(ids) for ids in prompts], self._plain)

    def _answers(self, requests: list[Request], samples: list[Sample], inputs: Inputs) -> list[Reply]:
        replies: dict[int, Reply] = {}
        planned = list(batches(side_by_side(samples), self.batch_size))
        made = ahead(planned, lambda batch: inputs.batch([samples[i] for i in batch], left=True))
        for batch, tensors in zip(planned, made, strict=True):
            replies |= dict(zip(batch, self._answered([requests[i] for i in batch], tensors), strict=True))
        return [replies[i] for i in range(len(requests))]

    def _answered(self, requests: list[Request], batch: dict[str, Any]) -> list[Reply]:
        import torch

        started = time.perf_counter()
        inputs = self._placed(batch)
        stop, width = [request.stop for request in requests], inputs["input_ids"].shape[1]
        stopping = {"stopping_criteria": criteria(self.tokenizer, stop, width)} if any(stop) else {}
        limit = max(request.max_tokens for request in requests)
        with torch.inference_mode():
            out = self._model.generate(
                **inputs, **stopping, do_sample=False, max_new_tokens=limit, pad_token_id=self.tokenizer.pad_token_id
            )
        seconds = (time.perf_counter() - started) / len(requests)
        prompts = inputs["attention_mask"].sum(dim=1).tolist()
        made = out[:, width:].tolist()
        return [self._reply(*each, seconds) for each in zip(requests, made, prompts, strict=True)]

    def _reply(self, request: Request, ids: list[int], prompt_tokens: int, seconds: float) -> Reply:
        """Return a reply that is cut at the first end-of-turn token or stop text, or at the request's limit."""
        end = next((i for i, token in enumerate(ids) if token in self._ends), len(ids))
        finish = "stop" if end <= request.max_tokens and end < len(ids) else "length"
        ids = ids[: min(end, request.max_tokens)]
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        kept = cut(text, request.stop)
        return Reply(kept, "stop" if kept != text else finish, prompt_tokens, len(ids), seconds)

    def loglikelihood(self, requests: Iterable[tuple[Context, str]]) -> list[Score]:
        return [Score(*score) for score in self._scorer.loglikelihood(requests)]

    def logprobs(self, prompts: list[list[int]], top: int = 0) -> list[TokenScores]:
        """Return the log-probability of each token of plain prompts, and the `top` likeliest tokens at its place."""
        return self._scorer.logprobs(prompts, top)

    @property
    def max_length(self) -> int | None:
        """The number of tokens that prompt and answer may have together, if the checkpoint names one."""
        config = self._model.config.get_text_config()
        return getattr(config, "max_position_embeddings", None)

    @property
    def vocabulary_size(self) -> int:
        return int(self._model.get_input_embeddings().num_embeddings)

    def _placed(self, made: dict[str, Any]) -> dict[str, Any]:
        """Return a batch on the model's device."""
        if self.processor is None:  # a family's own types have a meaning; those of a plain tokenizer have none here
            made.pop("token_type_ids", None)
        return {name: tensor.to(self._model.device) for name, tensor in made.items()}

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self._model, self.tokenizer, self._inputs, self._plain, self._placed, self.batch_size)

    @cached_property
    def _plain(self) -> PlainInputs:
        return TextInputs(self.tokenizer) if self.processor is None else ProcessorInputs(self.processor)

    @cached_property
    def _inputs(self) -> Inputs:
        if self.processor is not None:
            return ProcessorInputs(self.processor)
        return OwnInputs(self.named, self._model.dtype) if self.sees else TextInputs(self.tokenizer)

    @cached_property
    def tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.named)
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        return tokenizer

    @cached_property
    def _ends(self) -> set[int]:
        given = self._model.generation_config.eos_token_id
        return {self.tokenizer.eos_token_id, *(given if isinstance(given, list) else [given])}

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
