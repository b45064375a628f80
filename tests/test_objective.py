"""The objective: logits come from the family, for answers only; every schedule in its signature can be built."""

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from test_families import drawn, sample
from tiny_qwen import SIZES, checkpoint
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_cosine_schedule_with_warmup

from ain.model.base import ModelFamily
from ain.model.processor import IGNORE
from ain.model.qwen2_vl import Qwen2VL, Qwen2VLProcessor
from ain.objective.sft import Scheduler, SupervisedFineTuning
from ain.objective.sft_module import SFTModule


class Capped(Qwen2VL):
    """A model like Gemma, whose logits are soft-capped outside the model's head."""

    rows = 0

    def logits(self, model: Any, hidden: Any) -> Any:
        self.rows = len(hidden)
        return torch.tanh(super().logits(model, hidden))


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Capped:
    base: Path = tmp_path_factory.mktemp("base")
    return Capped(checkpoint("qwen2_vl", base), Qwen2VLProcessor(str(base), **SIZES))


def module(family: ModelFamily, **settings: Any) -> SFTModule:
    return SupervisedFineTuning(**settings).module(family.load(say=False), family, steps=40)


def test_logits_are_the_familys_and_of_answers_alone(family: Capped) -> None:
    tokens, images = sample(family, ["<image>\nWhat is it?", "And now?"], [drawn(56, 56, 0)])
    batch = family.processor.pack([tokens], [images])
    logits, targets = module(family).logits(batch)
    answers = [label for label in tokens.labels if label != IGNORE]
    assert targets.tolist() == answers
    assert (len(logits), family.rows) == (len(answers), len(answers))
    assert float(logits.detach().abs().max()) <= 1


@pytest.mark.parametrize("name", get_args(Scheduler))
def test_every_schedule_warms_up_and_ends(name: str, family: Capped) -> None:
    made = module(family, lr_scheduler_type=name, warmup_ratio=0.0 if name == "constant" else 0.25, learning_rate=1e-3)
    configured = made.configure_optimizers()
    schedule, optimizer = configured["lr_scheduler"]["scheduler"], configured["optimizer"]
    rates = []
    for _ in range(40):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert max(rates) == pytest.approx(1e-3)
    assert (rates[0] == 0) == (name != "constant")
    assert (rates[-1] < 1e-3) == (not name.startswith("constant"))


def test_cosine_is_the_default(family: Capped) -> None:
    configured = module(family).configure_optimizers()
    schedule: LambdaLR = configured["lr_scheduler"]["scheduler"]
    other = get_cosine_schedule_with_warmup(torch.optim.SGD([torch.zeros(1)], 1.0), 4, 40)
    assert [schedule.lr_lambdas[0](step) for step in range(41)] == [other.lr_lambdas[0](step) for step in range(41)]
