"""A model's answers during training to a few fixed Arabic questions: a table that shows its progress."""

from itertools import islice
from pathlib import Path
from typing import Any

import torch

from ain.model.attention import generating
from ain.model.base import ModelFamily
from ain.model.processor import Batch
from ain.model.samples import Samples
from ain.storage.record import Row
from ain.storage.tables import read_table, write_table

MAX_NEW_TOKENS = 48


class Answers:
    """Greedy answers to the first turn of the first `count` Arabic samples of the validation split."""

    def __init__(self, samples: Samples, family: ModelFamily, count: int, table: Path) -> None:
        self.samples, self.family, self.table = samples, family, table
        arabic = (i for i in range(len(samples)) if samples.row(i)["language"] == "ar")
        self.chosen = list(islice(arabic, count))

    def add(self, module: Any, step: int) -> None:
        """Add the answers at this step to the table.

        All ranks call this, because a model that is sharded over them needs all of them to generate.
        """
        module.eval()
        rows = [{"step": step, **self._asked(module, index)} for index in self.chosen]
        module.train()
        if module.trainer.is_global_zero and rows:
            before = read_table(self.table) if self.table.exists() else []
            write_table(self.table, [*(row for row in before if row["step"] < step), *rows])

    def _asked(self, module: Any, index: int) -> Row:
        row, tokens, images = self.samples[index]
        processor = self.family.processor
        prompt, expected = processor.first_turn(tokens)
        batch = processor.collate([prompt], images[: prompt.images])
        batch.pop("labels")
        text = processor.tokenizer.decode
        words = [token for token in prompt.input_ids if token not in processor.visual_ids]
        question = text(words, skip_special_tokens=True)
        answer = text(_generated(module, self.family.generation_attention, batch), skip_special_tokens=True)
        expected_text = text(expected, skip_special_tokens=True)
        return {
            "id": row["id"],
            "question": question.strip(),
            "expected": expected_text.strip(),
            "answer": answer.strip(),
        }


def _generated(module: Any, attention: str, batch: Batch) -> list[int]:
    """Generate with an attention that supports a KV cache; the one used in training only handles packed rows."""
    model, trainer = module.model, module.trainer
    with generating(model, attention), torch.no_grad(), trainer.precision_plugin.val_step_context():
        moved = trainer.strategy.batch_to_device(trainer.precision_plugin.convert_input(batch))
        # Under ZeRO-3 all ranks generate until the last one has finished: gathering parameters takes all of them.
        together = getattr(trainer.strategy, "zero_stage_3", False) and trainer.world_size > 1
        made = model.generate(**moved, do_sample=False, max_new_tokens=MAX_NEW_TOKENS, synced_gpus=together)
    return made[0, batch["input_ids"].shape[1] :].tolist()  # type: ignore[no-any-return]
