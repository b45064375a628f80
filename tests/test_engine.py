"""Every engine gives the same results in the same order. A real Ray is started here."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_config import config

from ain import UserError
from ain.engine.local import Local
from ain.engine.ray_cluster import Ray
from ain.engine.unique import Unique
from ain.miniature.world import World
from ain.pipeline.build import component
from ain.screener import ImageSet
from ain.translator.seq2seq import Seq2Seq
from ain.verifier.sentence_encoder import SentenceEncoder

TEXTS = [
    f"How many {colour} {shape}s are there?" for colour in ("red", "blue", "green") for shape in ("circle", "square")
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Ray]:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    yield Ray(workers=2, num_cpus=0.5)
    ray.shutdown()


def translator(pico: Path) -> Seq2Seq:
    (checkpoint,) = (pico / "checkpoints").glob("miniature-translator-*")
    return Seq2Seq(str(checkpoint), max_new_tokens=12, device="cpu")


@pytest.mark.slow  # Ray takes a minute to start its workers
def test_ray_translates_as_this_process_does(
    pico: Path, tmp_path: Path, engine: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks are translated in order, and existing ones are left unchanged."""
    monkeypatch.setattr("ain.engine.unique.BLOCK", 2)
    here = Unique(TEXTS).translate(tmp_path / "here", translator(pico), Local(), "translate")
    there = Unique(TEXTS).translate(tmp_path / "there", translator(pico), engine, "translate")
    assert here == there
    second = tmp_path / "there" / "00001.arrow"
    stood = second.stat().st_mtime_ns
    (tmp_path / "there" / "00000.arrow").unlink()
    assert Unique(TEXTS).translate(tmp_path / "there", translator(pico), engine, "translate") == here
    assert second.stat().st_mtime_ns == stood


@pytest.mark.slow  # sentence-transformers is imported in each actor
def test_ray_embeds_as_this_process_does(
    pico: Path, tmp_path: Path, engine: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ain.engine.unique.BLOCK", 2)
    (checkpoint,) = (pico / "checkpoints").glob("miniature-encoder-*")
    texts = Unique(TEXTS)
    made = [
        texts.arrays(tmp_path / name, SentenceEncoder(str(checkpoint), device="cpu"), "embed", where, "embed")
        for name, where in (("here", Local()), ("there", engine))
    ]
    here, there = (arrays.take(texts.numbers(TEXTS)) for arrays in made)
    assert np.allclose(here, there, atol=1e-6)


@pytest.mark.slow
def test_ray_screens_as_this_process_does(pico: Path, tmp_path: Path, engine: Ray) -> None:
    """Image sets are sent to the workers, and verdicts return to the right images."""
    scenes = {scene.name: scene for scene in islice(World(0).scenes("train", "vqa", unsafe_share=0.5), 6)}
    images = ImageSet(lambda: iter(scenes), lambda name: scenes[name].images[0], lambda name: (56, 56), len(scenes))
    (checkpoint,) = (pico / "checkpoints").glob("miniature-screener-*")
    words = [f"screener.checkpoint={checkpoint}", "screener.how.batch_size=2"]
    answers = []
    for name, where in (("here", Local()), ("there", engine)):
        screener = component(config(*words), "screener")
        verdicts = screener.run(images, tmp_path / name / "data" / "screen", where)
        answers.append([verdicts.of(scene)["answer"] for scene in scenes])
        verdicts.usage()
    assert answers[0] == answers[1]


def test_blocks_are_not_all_on_their_way_at_once(engine: Ray) -> None:
    """At most two blocks per worker are in memory, however many there are."""
    taken: list[int] = []

    def blocks() -> Iterator[Any]:
        for number in range(20):
            taken.append(number)
            yield [number]

    made = engine.map([], "__add__", blocks())
    assert next(made) == [0]
    assert len(taken) <= 6
    assert list(made) == [[number] for number in range(1, 20)]


def test_a_cluster_that_is_not_there_is_said_in_a_sentence() -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    ray.shutdown()
    with pytest.raises(UserError, match=r"engine.address=127.0.0.1:9: no Ray cluster answers there"):
        next(iter(Ray(address="127.0.0.1:9").map([], "__add__", [[1]])))
