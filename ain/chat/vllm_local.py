"""Checkpoints on this machine's GPUs through vLLM, if it is installed (pip install -e '.[vllm]')."""

import time
from collections.abc import Iterable
from copy import copy
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ain import UserError
from ain.chat import Reply, Request, Take
from ain.chat.checkpoint import CheckpointModel
from ain.chat.cost import Budget
from ain.runtime.paths import install_hint

BLOCK = 4_096  # requests passed to vLLM at once; it batches them itself


class VLLMModel(CheckpointModel):
    """Generates answers with vLLM. A request's schema, if any, guides decoding.

    Args:
        checkpoint: null if the stage supplies it.
        max_length: tokens of prompt and answer together.
        tensor_parallel: number of GPUs that one model is spread over.
    """

    library = "vllm"
    block = BLOCK

    def __init__(
        self,
        checkpoint: str | None = None,
        temperature: Annotated[float, Field(ge=0)] = 0.0,
        max_new_tokens: Annotated[int, Field(gt=0)] = 256,
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        max_length: Annotated[int, Field(gt=0)] = 4_096,
        tensor_parallel: Annotated[int, Field(gt=0)] = 1,
    ) -> None:
        self.checkpoint, self.temperature, self.max_new_tokens = checkpoint, temperature, max_new_tokens
        self.dtype, self.max_length, self.tensor_parallel = dtype, max_length, tensor_parallel

    @property
    def shaping(self) -> list[Any]:
        return [self.dtype, self.temperature]

    def one_by_one(self) -> "VLLMModel":
        model = copy(self)
        model.block = 1
        return model

    @cached_property
    def _model(self) -> Any:
        try:
            import vllm
        except ImportError:
            raise UserError(f"vLLM is not installed: {install_hint('vllm')}, or choose a model without it") from None
        return vllm.LLM(
            self.named,
            dtype=self.dtype,
            tensor_parallel_size=self.tensor_parallel,
            max_model_len=self.max_length,
            seed=0,
        )

    def generate(
        self,
        requests: Iterable[Request],
        take: Take,
        directory: Path,
        *,
        engine: Any = None,
        budget: Budget | None = None,
    ) -> None:
        waiting = iter(requests)
        while block := list(islice(waiting, self.block)):
            started = time.perf_counter()
            conversations = [request.messages for request in block]
            made = self._model.chat(conversations, [self._sampling(request) for request in block], use_tqdm=False)
            seconds = (time.perf_counter() - started) / len(block)
            for request, output in zip(block, made, strict=True):
                answer = output.outputs[0]
                finish = "length" if answer.finish_reason == "length" else "stop"
                counts = len(output.prompt_token_ids), len(answer.token_ids)
                take(request, Reply(answer.text.strip(), finish, *counts, seconds))

    def _sampling(self, request: Request) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        guided = StructuredOutputsParams(json=request.schema) if request.schema else None
        return SamplingParams(
            temperature=self.temperature, max_tokens=request.max_tokens, structured_outputs=guided, seed=0
        )
