"""The miniature is a real experiment: verification separates, the screener works, the tuned model uses the image."""

from collections import defaultdict
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from ain.metrics.checks import length, same_numbers, script_ratio
from ain.metrics.rules import Thresholds, translation_reasons
from ain.miniature.world import DOMAINS, World
from ain.pipeline.locate import locate
from ain.text import corruption
from ain.translator.seq2seq import Seq2Seq
from ain.verifier.sentence_encoder import SentenceEncoder

PAPER = Thresholds(similarity=0.8, digits=True, min_script_ratio=0.6, length=[0.4, 2.5])


TURNS = list[list[dict[str, str]]]


def conversations() -> tuple[TURNS, TURNS]:
    """Return the turns of some scenes in English and in Arabic."""
    scenes = [scene for domain in DOMAINS for scene in islice(World(0).scenes("train", domain), 80)]
    english = [[{"question": q.question, "answer": q.answer} for q in scene.questions] for scene in scenes]
    arabic = [[{"question": q.question_ar, "answer": q.answer_ar} for q in scene.questions] for scene in scenes]
    return english, arabic


@pytest.mark.slow
def test_the_translator_has_learnt_its_world(checkpoints: Path) -> None:
    translator = Seq2Seq(locate("miniature:translator", checkpoints), max_new_tokens=40, device="cpu")
    english, reference = conversations()
    texts = sorted({text for turns in english for turn in turns for text in turn.values()})
    made = dict(zip(texts, translator.translate(texts), strict=True))
    arabic = [[{key: made[text] for key, text in turn.items()} for turn in turns] for turns in english]
    right = sum(one == other for a, r in zip(arabic, reference, strict=True) for one, other in zip(a, r, strict=True))
    assert right / sum(map(len, arabic)) > 0.98


@pytest.mark.slow
def test_verification_catches_the_bad_and_keeps_the_good(checkpoints: Path) -> None:
    """By their worst turn, as `select` judges: 95 % of corrupted conversations are rejected, and at most 2 % of good ones."""
    encoder = SentenceEncoder(locate("miniature:encoder", checkpoints), device="cpu")
    english, reference = conversations()
    random = Random(0)
    caught: dict[str, list[bool]] = defaultdict(list)
    for original, trusted in zip(english, reference, strict=True):
        candidates = {"good": trusted} | {
            kind: corruption.of_kind(kind, original, trusted, reference, random) for kind in corruption.KINDS
        }
        for kind, candidate in candidates.items():
            if kind != "good" and candidate == trusted:
                continue
            ours, theirs = ([f"{e['question']} {e['answer']}" for e in side] for side in (original, candidate))
            pairs = list(zip(ours, theirs, strict=True))
            scores = {
                "similarity": (encoder.embed(ours) * encoder.embed(theirs)).sum(axis=1).tolist(),
                "digits": [same_numbers(one, other) for one, other in pairs],
                "min_script_ratio": [script_ratio(other, "ar") for _, other in pairs],
                "length": [length(one, other) for one, other in pairs],
            }
            caught[kind].append(bool(translation_reasons(scores, PAPER)))
    share = {kind: sum(values) / len(values) for kind, values in caught.items()}
    assert share["good"] <= 0.02, share
    for kind in ("mismatch", "omission", "number", "untranslated", "truncated"):
        assert share[kind] >= 0.95, share


@pytest.mark.slow
def test_the_default_run_tells_the_papers_story(tmp_path: Path) -> None:
    """Arabic answers use the image, English is kept, and rejecting corrupted records helps. About twenty minutes."""
    import json

    from commands import Command

    for experiment in ("ain/blind", "ain/corrupted"):
        sweep = Command("run", experiment, "-m", f"output_dir={tmp_path}", "tracker=disabled")
        assert sweep.wait(3_600).returncode == 0
        if experiment == "ain/blind":
            jobs = [json.loads(path.read_text()) for path in tmp_path.glob("runs/sweep-*/*/job.json")]
            seeing, blind = (
                next(j["headline"] for j in jobs if f"mixture.images={p}" in j["overrides"]) for p in ("shown", "blank")
            )
            assert seeing["tuned ar"] - seeing["tuned ar shuffled"] >= 40
            assert seeing["tuned ar"] - blind["tuned ar blank"] >= 40
            assert seeing["base en"] - seeing["tuned en"] <= 2
    page = "".join(path.read_text() for path in tmp_path.glob("report/sweeps/*/index.md"))
    row = next(line for line in page.splitlines() if line.startswith("| thresholds=none | Arabic |"))
    assert float(row.split("|")[3]) < 0, row
