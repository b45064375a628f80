"""Log-probabilities of given tokens, from forward passes of a local model.

Contexts and continuations are tokenised as lm-eval does, so that scores can be compared with its own. Rows are padded on
the right, where causal attention ignores it.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

from ain.chat import Context, compact
from ain.chat.local_inputs import Inputs, PlainInputs, Sample, appended, encoded, side_by_side
from ain.runtime.batching import ahead, batches

WINDOW = 256  # requests that are looked at together, to share contexts and sort by length
_POSITIONS = 256  # whose log-probabilities over the whole vocabulary are in memory together
_LOGITS = 16_384  # positions in a batch of whole prompts; the logits of each have the size of the vocabulary

Ids = tuple[int, ...]


class TokenScores(NamedTuple):
    """The log-probabilities of a prompt's tokens, each given those before it; None for the first.

    ids: the prompt, and the token that greedy decoding appends to it. top: the likeliest tokens at each one's place.
    """

    ids: list[int]
    logprobs: list[float | None]
    top: list[dict[int, float]]


@dataclass
class Row:
    """A row of tokens for one forward pass, and the continuations that it scores: they differ in their last token alone,
    as the letters of a question's options do."""

    sample: Sample
    inputs: Inputs
    given: Ids  # behind the context
    wanted: list[tuple[int, Ids]] = field(default_factory=list)  # (number of the request, continuation)

    @property
    def sized_sample(self) -> Sample:
        """The sample with the length of the row."""
        return replace(self.sample, length=self.sample.length + len(self.given))


class Scorer:
    """Scores tokens. placed: moves a batch to the model's device."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        chat: Inputs,
        plain: PlainInputs,
        placed: Callable[[dict[str, Any]], dict[str, Any]],
        batch_size: int,
    ) -> None:
        self.model, self.tokenizer, self.chat, self.plain = model, tokenizer, chat, plain
        self.placed, self.batch_size = placed, batch_size

    def loglikelihood(self, requests: Iterable[tuple[Context, str]]) -> list[tuple[float, bool]]:
        """Return (sum of log-probabilities, is_greedy) for each (context, continuation), in order."""
        waiting, scores = iter(requests), list[tuple[float, bool]]()
        while window := list(islice(waiting, WINDOW)):
            made = [(0.0, True)] * len(window)  # what an empty continuation has
            rows = self._rows(window)
            for inputs in (self.chat, self.plain):
                own = [row for row in rows if row.inputs is inputs]
                order = batches(side_by_side([row.sized_sample for row in own]), self.batch_size)
                planned = [[own[i] for i in batch] for batch in order][
                    ::-1
                ]  # what is too long for the memory fails first
                for batch, tensors in zip(planned, ahead(planned, self._prepared), strict=True):
                    for number, score in self._scored(batch, tensors):
                        made[number] = score
            scores += made
        return scores

    def logprobs(self, prompts: list[list[int]], top: int) -> list[TokenScores]:
        """Return the scores of all tokens of each prompt, in order."""
        size = max(1, min(self.batch_size, _LOGITS // max(map(len, prompts), default=1)))
        made: dict[int, TokenScores] = {}
        for batch in batches([-len(ids) for ids in prompts], size):
            samples = [self.plain.plain(prompts[i]) for i in batch]
            logits, lengths = self._logits(self.plain.batch(samples, left=False))
            for i, row, length in zip(batch, logits, lengths, strict=True):
                made[i] = _token_scores(_steps(row, 0, length), prompts[i], top)
        return [made[i] for i in range(len(prompts))]

    def _rows(self, requests: list[tuple[Context, str]]) -> list[Row]:
        """Return the rows that score all requests. A request without a token to score needs none."""
        rows: dict[tuple[Ids | str, Ids], Row] = {}
        samples: dict[str, Sample] = {}
        inputs: Inputs
        for number, (context, continuation) in enumerate(requests):
            if isinstance(context, str):
                ids, wanted = split(self.tokenizer, context, continuation)
                name: Ids | str = tuple(ids)
                sample, inputs = self.plain.plain(ids), self.plain
            else:
                name = json.dumps(compact(context))
                sample, inputs = samples.get(name) or self.chat.encode(context), self.chat
                samples[name] = sample
                wanted = tuple(encoded(self.tokenizer, continuation))
            if wanted:
                row = rows.setdefault((name, wanted[:-1]), Row(sample, inputs, wanted[:-1]))
                row.wanted.append((number, wanted))
        return list(rows.values())

    def _prepared(self, rows: list[Row]) -> dict[str, Any]:
        """Return the tensors of a batch of rows, all of the same kind of inputs."""
        added = [row.given for row in rows]
        batch = rows[0].inputs.batch([row.sample for row in rows], left=False)
        return appended(batch, added, self.tokenizer.pad_token_id) if any(added) else batch

    def _scored(self, rows: list[Row], batch: dict[str, Any]) -> Iterator[tuple[int, tuple[float, bool]]]:
        """Yield (number of the request, its score) for one batch. The logits at a position are those of the next token."""
        counts = [len(row.given) + 1 for row in rows]  # positions, at a row's end
        lengths = batch["attention_mask"].sum(dim=1).tolist()
        width = batch["input_ids"].shape[1]
        kept = width - min(length - count for length, count in zip(lengths, counts, strict=True))
        logits, lengths = self._logits(batch, kept)
        for row, scores, length, count in zip(rows, logits, lengths, counts, strict=True):
            end = length - (width - kept)
            numbers, continuations = zip(*row.wanted, strict=True)
            yield from zip(numbers, _sums(_steps(scores, end - count, end), continuations), strict=True)

    def _logits(self, batch: dict[str, Any], kept: int = 0) -> tuple[Any, list[int]]:
        """Return the logits at the last `kept` positions (0: all), and the number of tokens of each row."""
        import torch

        inputs = self.placed(batch)
        with torch.inference_mode():
            logits = self.model(**inputs, logits_to_keep=kept, use_cache=False).logits
        return logits, inputs["attention_mask"].sum(dim=1).tolist()


def split(tokenizer: Any, context: str, continuation: str) -> tuple[list[int], Ids]:
    """Return the tokens of a plain text and of its continuation. Spaces that end the text belong to the continuation.

    An empty text stands for the token that begins a text.
    """
    text = context.rstrip()
    whole = plain_ids(tokenizer, context + continuation)
    if text:
        ids = plain_ids(tokenizer, text)
        return ids, tuple(whole[len(ids) :])
    begin = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    return [begin], tuple(whole[1:] if whole[:1] == [begin] else whole)


def plain_ids(tokenizer: Any, text: str) -> list[int]:
    """Return the tokens of a text without a chat template, with those that the tokenizer adds to any text."""
    begun = bool(tokenizer.bos_token) and text.startswith(tokenizer.bos_token)
    return encoded(tokenizer, text) if begun else list(tokenizer(text)["input_ids"])


def _steps(logits: Any, start: int, end: int) -> Iterator[Any]:
    """Yield log-probabilities [positions, vocabulary] from `start` to `end`, a few positions at a time."""
    for first in range(start, end, _POSITIONS):
        yield logits[first : min(first + _POSITIONS, end)].float().log_softmax(dim=-1)


def _sums(blocks: Iterator[Any], continuations: tuple[Ids, ...]) -> list[tuple[float, bool]]:
    """Return (sum of log-probabilities, is_greedy) of continuations, from the log-probabilities at their places."""
    import torch

    wanted = torch.tensor(continuations, dtype=torch.long)
    sums, greedy = [0.0] * len(wanted), [True] * len(wanted)
    at = 0
    for block in blocks:
        ids = wanted[:, at : at + len(block)].to(block.device)
        matches = (ids == block.argmax(dim=-1)).all(dim=1).tolist()
        found = block.gather(1, ids.T).double().sum(dim=0).tolist()
        sums = [total + more for total, more in zip(sums, found, strict=True)]
        greedy = [still and match for still, match in zip(greedy, matches, strict=True)]
        at += len(block)
    return list(zip(sums, greedy, strict=True))


def _token_scores(blocks: Iterator[Any], ids: list[int], top: int) -> TokenScores:
    import torch

    logprobs: list[float | None] = [None]
    tops: list[dict[int, float]] = [{}]
    whole = list(ids)
    for block in blocks:
        if len(logprobs) + len(block) > len(ids):
            whole.append(int(block[-1].argmax()))
        wanted = torch.tensor(whole[len(logprobs) : len(logprobs) + len(block)], device=block.device)
        best = block.topk(top, dim=-1)
        places, values = best.indices.tolist(), best.values.tolist()
        logprobs += block.gather(1, wanted[:, None])[:, 0].tolist()
        tops += [dict(zip(*pair, strict=True)) for pair in zip(places, values, strict=True)]
    return TokenScores(whole, logprobs, tops)
