"""The tiny checkpoints, trained on demand on the world and stored by their recipe.

Each is saved in Hugging Face format and loaded by the classes that load the real ones: a Marian translator for either
direction, a sentence encoder, a screener and an English-only base model of the Qwen2-VL class. Their training data
comes from splits of the world that nothing else draws from, and contains no corrupted sentences.
"""

import json
import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import torch

from ain.miniature import tiny
from ain.miniature.domains import video
from ain.miniature.muon import Muon
from ain.miniature.recipe import Recipe
from ain.miniature.world import UNSAFE, Scene, World
from ain.model.attention import PACKED, use
from ain.model.conversation import conversation
from ain.model.processor import IGNORE, Processor
from ain.model.qwen2_vl import Qwen2VL, Qwen2VLProcessor
from ain.runtime.progress import progress
from ain.storage.listing import Listing, mark_done
from ain.storage.locks import lock
from ain.storage.manifest import is_done
from ain.text.placeholders import IMAGE

SCREEN_PROMPT = "Is this picture safe? Answer in JSON."


def trained(recipe: Recipe, directory: Path) -> Path:
    """Return the checkpoint's directory; train it first, with a progress bar, if it does not exist. Raise Damaged if its
    files are not those that were written."""
    out, mark = _places(recipe, directory)
    if not exists(recipe, directory):
        with lock(mark):
            if not exists(recipe, directory):
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir(parents=True)
                with _one_thread():
                    _train(recipe, out)
                mark_done(mark, {"name": recipe.name, "seed": recipe.seed, "steps": recipe.steps}, root=out)
    Listing(mark, out).compare_all()
    return out


def exists(recipe: Recipe, directory: Path) -> bool:
    out, mark = _places(recipe, directory)
    return is_done(mark) and out.is_dir()  # a damaged one was deleted, and its mark was left


def _places(recipe: Recipe, directory: Path) -> tuple[Path, Path]:
    out = directory / recipe.identity()
    return out, directory / f".{out.name}"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread: more gain little on tiny matrices, and the weights do not depend on the number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(recipe: Recipe, out: Path) -> None:
    torch.manual_seed(recipe.seed)
    world = World(recipe.seed, recipe.domains)
    train = {
        "translator": _translator,
        "small_translator": _translator,
        "back_translator": _translator,
        "encoder": _encoder,
        "screener": _screener,
        "base": _base,
    }[recipe.name]
    train(recipe, world, out)


def _fit(model: torch.nn.Module, loss_of: Callable[[int], torch.Tensor], steps: int, what: str) -> None:
    """Train with Muon for the matrices and AdamW for the rest; warm-up, then cosine decay to a twentieth."""
    for_adam = ("embed", "shared", "merger.mlp.0")  # Muon would spend a third of its time on the merger's first
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and not any(part in name for part in for_adam)]
    hidden = {id(p) for p in matrices}
    optimizers = [
        Muon(matrices, lr=3e-3),
        torch.optim.AdamW(
            [p for p in model.parameters() if id(p) not in hidden],
            lr=8e-3,
            betas=(0.9, 0.95),
            weight_decay=0.0,
            fused=True,
        ),
    ]

    def scale(step: int) -> float:
        return min(1.0, (step + 1) / 30) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / steps)))

    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, scale) for optimizer in optimizers]
    model.train()
    with progress(what, total=steps, unit="step") as bar:
        for step in range(steps):
            loss = loss_of(step)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer, schedule in zip(optimizers, schedules, strict=True):
                optimizer.step()
                optimizer.zero_grad()
                schedule.step()
            bar.update()
            bar.set_postfix(loss=f"{float(loss.detach()):.3f}", refresh=False)
    model.eval()


def _sentences(world: World, split: str, scenes: int) -> list[tuple[str, str]]:
    """Return distinct (English, Arabic) sentences, questions and answers, from `scenes` scenes in each domain."""
    pairs: dict[str, str] = {}
    for domain in world.domains:
        for scene in islice(world.scenes(split, domain), scenes):
            for q in scene.questions:
                pairs.update({q.question: q.question_ar, q.answer: q.answer_ar})
    return list(pairs.items())


def _translator(recipe: Recipe, world: World, out: Path) -> None:
    pairs = _sentences(world, "translator", 600)
    if recipe.name == "back_translator":
        pairs = [(arabic, english) for english, arabic in pairs]
    tokenizer = tiny.text_tokenizer((text for pair in pairs for text in pair), 900)
    model = tiny.marian(tokenizer, **({"width": 64, "layers": 1} if recipe.name == "small_translator" else {}))
    ids = {text: tokenizer(text)["input_ids"] for pair in pairs for text in pair}
    random = Random(recipe.seed)

    def loss(step: int) -> torch.Tensor:
        batch = random.choices(pairs, k=64)
        source = tokenizer.pad({"input_ids": [ids[one] for one, _ in batch]}, return_tensors="pt")
        target = tokenizer.pad({"input_ids": [ids[other] for _, other in batch]}, return_tensors="pt")
        labels = target["input_ids"].masked_fill(target["attention_mask"] == 0, -100)
        return model(input_ids=source["input_ids"], attention_mask=source["attention_mask"], labels=labels).loss  # type: ignore[no-any-return]

    _fit(model, loss, recipe.steps, recipe.name)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _encoder(recipe: Recipe, world: World, out: Path) -> None:
    """Train contrastively in both directions. A batch holds sentences of few kinds, so that negatives differ by a word."""
    from ain.miniature.contrast import Turns, contrastive_loss

    turns = Turns(world, recipe.seed)
    tokenizer = tiny.text_tokenizer(turns.texts(), 1_000)
    model = tiny.sentence_encoder(tokenizer)

    def loss(step: int) -> torch.Tensor:
        english, arabic = zip(*turns.batch(128), strict=True)
        vectors = [model(model.preprocess(list(texts)))["sentence_embedding"] for texts in (english, arabic)]
        return contrastive_loss(*vectors)

    _fit(model, loss, recipe.steps, recipe.name)
    model.save(str(out), create_model_card=False)


def _vision(
    recipe: Recipe, out: Path, texts: Iterator[str], samples: Callable[[Processor], list[Any]], batch_size: int
) -> None:
    """Train a Qwen2-VL from scratch on (tokens, images) samples, in epochs of shuffled order."""
    tokenizer = tiny.chat_tokenizer(texts, 1_500)
    model = tiny.qwen2_vl(tokenizer)
    model.save_pretrained(out)
    tiny.save_processor(tokenizer, out)
    processor = Qwen2VLProcessor(str(out))
    family = Qwen2VL(str(out), processor)
    use(model, PACKED)
    pool, random, order = samples(processor), Random(recipe.seed), list[int]()

    def loss(step: int) -> torch.Tensor:
        nonlocal order
        if len(order) < batch_size:
            order = random.sample(range(len(pool)), len(pool))
        chosen = [pool[order.pop()] for _ in range(min(batch_size, len(pool)))]
        chosen.sort(key=lambda sample: len(sample[0].input_ids))
        row = processor.pack([tokens for tokens, _ in chosen], [images for _, images in chosen])
        asked = row["targets"] != IGNORE
        logits = family.logits(model, family.hidden(model, row)[asked])
        return torch.nn.functional.cross_entropy(logits, row["targets"][asked])

    _fit(model, loss, recipe.steps, recipe.name)
    model.save_pretrained(out)


def _tokens(processor: Processor, messages: list[Any], scene: Scene) -> Any:
    sizes = [image.size for image in scene.images]
    if scene.filmed:
        return processor.tokenize(messages, sizes[:1], [len(sizes)], [video.FPS])
    return processor.tokenize(messages, sizes)


def _world_texts(world: World) -> Iterator[str]:
    """Yield texts in both languages: like a large model, the base reads Arabic letters, but never learned what they mean."""
    for domain in world.domains:
        for scene in islice(world.scenes("texts", domain), 300):
            for q in scene.questions:
                yield from (q.question, q.answer, q.question_ar, q.answer_ar)


def _base(recipe: Recipe, world: World, out: Path) -> None:
    """Train the base model in English only, with six questions about one scene in each conversation."""
    random = Random(recipe.seed)

    def asked(scene: Scene) -> list[dict[str, str]]:
        chosen = random.sample(scene.questions, min(6, len(scene.questions)))
        turns = [{"question": q.question, "answer": q.answer} for q in chosen]
        turns[0]["question"] = f"{scene.placeholders}\n{turns[0]['question']}"
        return turns

    def samples(processor: Processor) -> list[Any]:
        scenes = [
            scene
            for domain in world.domains
            for scene in islice(world.scenes("base", domain), min(800, 8 * recipe.steps))
        ]
        return [(_tokens(processor, conversation(asked(scene)), scene), scene.images) for scene in scenes]

    _vision(recipe, out, _world_texts(world), samples, batch_size=16)


def _screener(recipe: Recipe, world: World, out: Path) -> None:
    """Train the screener, which answers in JSON; half of its images are unsafe. Of a clip, it sees one frame."""
    random = Random(recipe.seed)

    def verdict(scene: Scene) -> str:
        category, rationale = UNSAFE[scene.unsafe] if scene.unsafe else ("NA", "nothing unsafe is shown")
        return json.dumps(
            {"rating": "Unsafe" if scene.unsafe else "Safe", "category": category, "rationale": rationale}
        )

    def samples(processor: Processor) -> list[Any]:
        scenes = [
            scene
            for domain in world.domains
            for scene in islice(world.scenes("screener", domain, unsafe_share=0.5), min(800, 8 * recipe.steps))
        ]
        made = []
        for scene in scenes:
            turn = {"question": f"{IMAGE}\n{SCREEN_PROMPT}", "answer": verdict(scene)}
            image = random.choice(scene.images)
            made.append((processor.tokenize(conversation([turn]), [image.size]), [image]))
        return made

    scenes = [
        scene for domain in world.domains for scene in islice(world.scenes("texts", domain, unsafe_share=0.5), 50)
    ]
    _vision(recipe, out, (text for scene in scenes for text in (SCREEN_PROMPT, verdict(scene))), samples, batch_size=16)
