"""Checkpoints on this machine's GPUs through vLLM, if it is installed (pip install -e '.[vllm]')."""

import time
from collections.abc import Iterable
from copy import copy
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ain import UserError
from ain.chat import Context, Reply, Request, Score, Take
from ain.chat.checkpoint import CheckpointModel
from ain.chat.cost import Budget
from ain.chat.local_inputs import encoded
from ain.chat.scoring import split
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

    def loglikelihood(self, requests: Iterable[tuple[Context, str]]) -> list[Score]:
        """Return scores from the log-probabilities of prompts that end with the continuation."""
        from vllm import SamplingParams

        sampling = SamplingParams(temperature=0.0, max_tokens=1, prompt_logprobs=0)
        tokenizer = self._model.get_tokenizer()
        scores: list[Score] = []
        for is_plain, several in groupby(requests, lambda request: isinstance(request[0], str)):
            pairs = list(several)
            if is_plain:
                tokens = [split(tokenizer, str(context), text) for context, text in pairs]
                counts = [len(wanted) for _, wanted in tokens]
                prompts = [{"prompt_token_ids": [*ids, *wanted]} for ids, wanted in tokens]
                made = self._model.generate(prompts, sampling, use_tqdm=False)
            else:
                counts = [len(encoded(tokenizer, text)) for _, text in pairs]
                whole = [[*context, {"role": "assistant", "content": text}] for context, text in pairs]
                as_prompt = {"add_generation_prompt": False, "continue_final_message": True}
                made = self._model.chat(whole, sampling, use_tqdm=False, **as_prompt)
            scores += [_score(output, count) for output, count in zip(made, counts, strict=True)]
        return scores

    def _sampling(self, request: Request) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        guided = StructuredOutputsParams(json=request.schema) if request.schema else None
        return SamplingParams(
            temperature=self.temperature,
            max_tokens=request.max_tokens,
            structured_outputs=guided,
            stop=list(request.stop) or None,
            seed=0,
        )


def _score(output: Any, count: int) -> Score:
    """Return the score of a prompt's last `count` tokens."""
    ids = output.prompt_token_ids
    steps = list(zip(ids, output.prompt_logprobs, strict=True))[len(ids) - count :]
    found = [logprobs[token] for token, logprobs in steps]
    return Score(sum(each.logprob for each in found), all(each.rank == 1 for each in found))
