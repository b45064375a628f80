"""What a model that is still training answers to a few Arabic questions, always the same: a table that shows it learn."""

from itertools import islice
from pathlib import Path
from typing import Any

import torch

from ain.model.processor import IGNORE, Processor, Tokens
from ain.model.samples import Samples
from ain.storage.record import Row
from ain.storage.tables import read_table, write_table

MAX_NEW_TOKENS = 48


class Answers:
    """Greedy answers to the first turn of the first `count` Arabic samples of the validation split."""

    def __init__(self, samples: Samples, processor: Processor, count: int, table: Path) -> None:
        self.samples, self.processor, self.table = samples, processor, table
        arabic = (i for i in range(len(samples)) if samples.row(i)["language"] == "ar")
        self.chosen = list(islice(arabic, count))

    def add(self, module: Any, step: int) -> list[Row]:
        """Called by all ranks, for a model that is spread over them answers on all. Returns the table's new rows."""
        module.eval()
        rows = [{"step": step, **self._asked(module, index)} for index in self.chosen]
        module.train()
        if module.trainer.is_global_zero and rows:
            before = read_table(self.table) if self.table.exists() else []
            write_table(self.table, [*(row for row in before if row["step"] < step), *rows])
        return rows

    def _asked(self, module: Any, index: int) -> Row:
        row, tokens, images = self.samples[index]
        prompt, expected = first_turn(tokens, self.processor)
        shown = images[: sum(prompt.frames or [])]
        batch = self.processor.collate([prompt], shown)
        batch.pop("labels")
        text = self.processor.tokenizer.decode
        visual = (self.processor.image_token_id, self.processor.video_token_id)
        question = text([token for token in prompt.input_ids if token not in visual], skip_special_tokens=True)
        answer = text(_generated(module, batch), skip_special_tokens=True)
        expected_text = text(expected, skip_special_tokens=True)
        return {
            "id": row["id"],
            "question": question.strip(),
            "expected": expected_text.strip(),
            "answer": answer.strip(),
        }


def first_turn(sample: Tokens, processor: Processor) -> tuple[Tokens, list[int]]:
    """(the conversation up to its first answer, with the images before that; that answer's tokens)."""
    asked = [label != IGNORE for label in sample.labels]
    start = asked.index(True)
    end = start + (asked[start:].index(False) if False in asked[start:] else len(asked) - start)
    ids = sample.input_ids[:start]
    left = sum(token in (processor.image_token_id, processor.video_token_id) for token in ids)
    grids = []
    for grid in sample.grids:
        if left:
            grids.append(grid)
            left -= processor.visual_tokens(grid)
    return Tokens(ids, [IGNORE] * start, grids, (sample.frames or [])[: len(grids)]), sample.input_ids[start:end]


def _generated(module: Any, batch: dict[str, torch.Tensor]) -> list[int]:
    """With the attention that keeps a cache; training's knows packed rows alone."""
    model, trainer = module.model, module.trainer
    training = model.config.text_config._attn_implementation
    model.set_attn_implementation({"text_config": "sdpa"})
    with torch.no_grad(), trainer.precision_plugin.val_step_context():
        moved = trainer.strategy.batch_to_device(trainer.precision_plugin.convert_input(batch))
        # Under ZeRO-3 all ranks go on until the last one has ended: none gathers parameters alone.
        together = getattr(trainer.strategy, "zero_stage_3", False) and trainer.world_size > 1
        made = model.generate(**moved, do_sample=False, max_new_tokens=MAX_NEW_TOKENS, synced_gpus=together)
    model.set_attn_implementation({"text_config": training})
    return made[0, batch["input_ids"].shape[1] :].tolist()  # type: ignore[no-any-return]
