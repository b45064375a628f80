"""What asking a benchmark's questions would take, from a few of them: no image is read, nothing downloaded."""

from pathlib import Path

from ain.benchmark import Benchmark, Item
from ain.benchmark.harness import Harness
from ain.benchmark.held_out import HeldOut
from ain.chat import LanguageModel, Message, user_message
from ain.chat.estimate import Estimate
from ain.chat.tokens import request_tokens
from ain.text.placeholders import IMAGE

SAMPLE = 200  # questions whose tokens stand for those of all


def uncounted(benchmark: Benchmark, mix: Path | None) -> str | None:
    """Return why the questions cannot be counted yet, or None."""
    if isinstance(benchmark, Harness):
        return f"{benchmark.tool.name} counts its questions when it runs"
    if isinstance(benchmark, HeldOut) and mix is None:
        return "how many questions there are is known after ain mix"
    missing = benchmark.to_download
    return f"questions are counted once {missing} is on this machine" if missing else None


def estimated(model: LanguageModel, benchmark: Benchmark, mix: Path | None) -> Estimate:
    """Estimate all requests. Answers count with the limit of their length: they cost that at most."""
    items, total = benchmark.first(SAMPLE, mix)
    made = Estimate(model, what="questions")
    for item in items:
        if item.broken:
            continue
        answer = benchmark.max_new_tokens or model.max_new_tokens
        size = request_tokens(_messages(item), model.vocabulary), answer if benchmark.by == "generation" else 0
        for condition in benchmark.images:
            if condition == "shown" or item.images:
                made.add(size, [size])
    return made.times(total / len(items)) if items else made


def _messages(item: Item) -> list[Message]:
    """Return a question as a model is asked it, with empty images."""
    made: list[Message] = []
    for turn in item.before:
        made += [_user(turn["question"]), {"role": "assistant", "content": turn["answer"]}]
    return [*made, _user(item.question)]


def _user(text: str) -> Message:
    return user_message(text, [{"type": "image_url"}] * text.count(IMAGE))
