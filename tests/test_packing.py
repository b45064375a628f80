"""Packing: rows are full, every sample is trained once per epoch, and the plan is the same for any number of ranks."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ain import UserError
from ain.model.samples import Samples
from ain.runtime.paths import ROOT
from ain.trainer.packing import best_fit
from ain.trainer.plan import Plan
from ain.trainer.settings import TrainerSettings

SETTINGS = TrainerSettings(pack_length=256, batch_size=4)


def lengths(count: int, median: float = 60, seed: int = 0) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).lognormal(np.log(median), 0.6, count).astype(np.int32), 5, 256)


def plan(count: int = 500, world: int = 1, **changes: Any) -> Plan:
    drawn = lengths(count)
    return Plan(drawn, drawn // 3, replace(SETTINGS, **changes), seed=0, world_size=world)


@pytest.mark.parametrize("count", [0, 1, 7, 500, 20_000])
def test_every_sample_is_in_one_row_and_no_row_is_too_long(count: int) -> None:
    drawn = lengths(count)
    rows = best_fit(drawn, 256)
    assert sorted(index for row in rows for index in row) == list(range(count))
    assert all(drawn[row].sum() <= 256 for row in rows)


def test_rows_are_full_on_a_realistic_distribution() -> None:
    """The distribution is that of the training benchmark, drawn from the medians of its kinds."""
    kinds = yaml.safe_load((ROOT / "benchmarks" / "training" / "lengths.yaml").read_text(encoding="utf-8"))[
        "kinds"
    ].values()
    random = np.random.default_rng(0)
    drawn = []
    for kind in random.choice(list(kinds), 5_000, p=[kind["share"] for kind in kinds]):
        turns = random.integers(*kind["turns"], endpoint=True)
        visual = sum((random.integers(*kind["side"], endpoint=True) // 28) ** 2 for _ in range(kind["images"][1]))
        text = sum(
            random.lognormal(np.log(kind[what]["median"]), kind[what]["sigma"]) for what in ("question", "answer")
        )
        drawn.append(int(min(2_048, 20 + visual + turns * (10 + text))))
    rows = best_fit(np.array(drawn), 2_048)
    assert sum(drawn) / (len(rows) * 2_048) >= 0.97


def test_a_row_holds_samples_of_all_lengths() -> None:
    """Samples of one kind have similar lengths; a step of a single kind would bias the training."""
    drawn = lengths(5_000)
    within = [drawn[row].std() for row in best_fit(drawn, 512)]
    assert np.mean(within) > 0.75 * drawn.std()


def test_rows_are_full_on_the_miniature(pico: Path) -> None:
    """Lengths are repeated as in the default run: in a dozen scenes, the last row would be a large share."""
    samples = Samples(next((pico / "data").glob("*-tokenize-*")), "train")
    drawn = np.tile(samples.lengths, 40)
    assert Plan(drawn, drawn, TrainerSettings(pack_length=2_048), 0).fill() >= 0.97


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize(("world", "accumulate"), [(1, 1), (1, 4), (2, 2), (4, 1), (3, 5)])
def test_each_epoch_holds_each_sample_once(packing: bool, world: int, accumulate: int) -> None:
    made = plan(world=world, accumulate_grad_batches=accumulate, packing=packing, max_epochs=2)
    seen = Counter(i for batch in range(made.batches) for rank in range(world) for i in made.row(batch, rank).samples)
    assert set(seen) == set(range(500))
    assert set(seen.values()) == {2}


def test_a_row_is_sorted_by_length() -> None:
    """Attention takes those of one length together."""
    made = plan()
    for batch in range(made.batches):
        within = made.lengths[made.row(batch).samples].tolist()
        assert within == sorted(within)


def test_ranks_share_the_rows_of_one_rank_that_accumulates() -> None:
    alone, shared = plan(accumulate_grad_batches=4), plan(world=2, accumulate_grad_batches=2)
    for step in range(alone.steps):
        one = [alone.row(4 * step + i).samples for i in range(4)]
        other = [shared.row(2 * step + i, rank).samples for i in range(2) for rank in range(2)]
        assert one == other


def test_losses_of_a_step_add_up_to_the_mean_over_its_answer_tokens() -> None:
    """This includes the last step, which has empty rows."""
    made = plan(world=2, accumulate_grad_batches=3)
    assert any(not made.row(made.batches - 1, rank).samples for rank in range(2))
    for step in range(made.steps):
        rows = [made.row(3 * step + i, rank) for i in range(3) for rank in range(2)]
        answers = sum(int(made.answers[row.samples].sum()) for row in rows)
        each = [int(made.answers[row.samples].sum()) / row.normaliser for row in rows]
        assert sum(each) / len(each) == pytest.approx(1.0), answers


def test_seeds_and_epochs_differ_and_repeat() -> None:
    drawn = lengths(500)
    one, same, other = (Plan(drawn, drawn, replace(SETTINGS, max_epochs=2), seed) for seed in (0, 0, 1))
    order = [[row.row(batch).samples for batch in range(row.batches)] for row in (one, same, other)]
    assert order[0] == order[1] != order[2]
    half = one.batches // 2
    assert order[0][:half] != order[0][half:]


def test_steps_may_be_given_instead_of_epochs() -> None:
    assert plan(max_steps=1_000).steps == 1_000
    assert len({i for batch in range(3) for i in plan(max_steps=3).row(batch).samples}) < 30


def test_a_sample_longer_than_a_row_is_refused_with_what_to_type() -> None:
    with pytest.raises(UserError, match=r"trainer.pack_length=16, but .* set trainer.pack_length="):
        plan(pack_length=16)
