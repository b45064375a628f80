"""Fixtures of the tests of training: a tiny base, samples of all kinds, and a limit for ranks that wait for each other."""

import signal
from collections.abc import Iterator
from pathlib import Path

import mixed
import pytest
from tiny_qwen import checkpoint

# Settings of ZeRO-3 by which every parameter is spread, however small.
SPREAD = (
    "stage3_param_persistence_threshold",
    "stage3_max_live_parameters",
    "stage3_max_reuse_distance",
    "stage3_prefetch_bucket_size",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return checkpoint("qwen2_vl", tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tokenized(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed.prepared(base, tmp_path_factory.mktemp("mixed"))


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Fail after a time limit, because ranks that wait for each other never end."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it hangs"))
    signal.alarm(500)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
