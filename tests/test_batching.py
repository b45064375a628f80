"""Batches of similar length, made one ahead of what is computed."""

import time

import pytest
from PIL import Image

from ain.chat.local_inputs import Sample, side_by_side
from ain.runtime.batching import ahead, batches


def test_the_next_batch_is_made_while_one_is_computed_and_no_further() -> None:
    started: list[int] = []

    def make(item: int) -> int:
        started.append(item)
        return 10 * item

    made = []
    for value in ahead([1, 2, 3, 4], make):
        made.append(value)
        due = min(len(made) + 1, 4)
        for _ in range(500):  # the thread takes its time to start
            if len(started) == due:
                break
            time.sleep(0.01)
        assert started == list(range(1, due + 1))
    assert made == [10, 20, 30, 40]
    assert list(ahead([], make)) == []


def test_an_error_arrives_where_its_batch_would_have() -> None:
    def make(item: int) -> float:
        return 1 / item

    made = ahead([1, 0, 2], make)
    assert next(made) == 1
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_questions_about_one_image_stay_together_and_all_others_are_sorted_by_length() -> None:
    one, two = Image.new("RGB", (2, 2)), Image.new("RGB", (2, 2))
    lengths = [(9, one), (20, two), (3, None), (12, one), (15, None), (1, one)]
    samples = [Sample("", [image] if image else [], length) for length, image in lengths]
    (order,) = batches(side_by_side(samples), 10)
    assert [samples[i].length for i in order] == [3, 1, 9, 12, 15, 20]
