"""Ends generation where an answer contains one of its stop texts."""

from collections.abc import Sequence
from typing import Any


def cut(text: str, stop: Sequence[str]) -> str:
    """Return the text up to its first stop text."""
    return text[: min([place for one in stop if (place := text.find(one)) >= 0], default=len(text))]


def criteria(tokenizer: Any, stop: Sequence[Sequence[str]], width: int) -> Any:
    """Return a criterion for `generate`. stop: of each row of the batch; width: number of tokens before the answers."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    # A token has a byte or more, so a stop text that was completed just now is within this many tokens.
    sizes = [max((len(one.encode()) for one in several), default=0) + 4 for several in stop]

    class Stops(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            answers = input_ids[:, width:].tolist()
            texts = [tokenizer.decode(ids[-size:]) for ids, size in zip(answers, sizes, strict=True)]
            ended = [any(one in text for one in several) for text, several in zip(texts, stop, strict=True)]
            return torch.tensor(ended, device=input_ids.device)

    return StoppingCriteriaList([Stops()])
