"""Chat models through vLLM on this machine's GPUs, where it is installed (pip install -e '.[vllm]')."""

import time
from collections.abc import Iterable
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from ain import UserError
from ain.chat import Reply, Request, Take
from ain.runtime.paths import install_hint
from ain.storage.digests import content_digest

BLOCK = 4_096  # requests handed over at once; vLLM batches them itself


class VLLMChat:
    """tensor_parallel: over how many GPUs one model is spread. The schema of a request guides decoding where it has one."""

    price = None

    def __init__(
        self,
        checkpoint: str,
        temperature: float = 0.0,
        dtype: str = "auto",
        tensor_parallel: int = 1,
        max_length: int = 4_096,
    ) -> None:
        self.checkpoint, self.temperature, self.dtype = checkpoint, temperature, dtype
        self.tensor_parallel, self.max_length = tensor_parallel, max_length

    @cached_property
    def identity(self) -> list[Any]:
        local = Path(self.checkpoint)
        return ["vllm", content_digest(local) if local.is_dir() else self.checkpoint, self.dtype, self.temperature]

    @cached_property
    def _model(self) -> Any:
        try:
            import vllm
        except ImportError:
            raise UserError(
                f"vLLM is not installed; {install_hint('vllm')}, or choose a translator without it"
            ) from None
        return vllm.LLM(
            self.checkpoint,
            dtype=self.dtype,
            tensor_parallel_size=self.tensor_parallel,
            max_model_len=self.max_length,
            seed=0,
        )

    def ask(self, requests: Iterable[Request], take: Take, directory: Path) -> None:
        waiting = iter(requests)
        while block := list(islice(waiting, BLOCK)):
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
