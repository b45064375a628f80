"""Back-translation scores: the libraries' own values on public examples, edge cases, sampling, and Table 9."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ain.back_translation.sampled import Sampled
from ain.engine.local import Local
from ain.metrics import overlap
from ain.stages.back_translate import back_translate
from ain.stages.translate import SCHEMA as TRANSLATION
from ain.storage.record import RECORD
from ain.storage.shards import Shards
from ain.storage.tables import read_table
from ain.translator.text_translator import TextTranslator


def test_bleu_is_sacrebleus() -> None:
    """The example of sacrebleu's README."""
    references = ["The dog bit the man.", "It was not unexpected.", "The man bit him first."]
    made = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
    from sacrebleu import corpus_bleu, sentence_bleu

    assert overlap.bleu(made, references, 4, "en") == pytest.approx(corpus_bleu(made, [references]).score / 100)
    assert overlap.bleu(made, references, 4, "en") == pytest.approx(0.4506, abs=1e-3)
    assert overlap.sentence_bleu(made[1], references[1], 4, "en") == pytest.approx(
        sentence_bleu(made[1], [references[1]], use_effective_order=True).score / 100
    )
    assert overlap.bleu(made, references, 2, "en") > overlap.bleu(made, references, 4, "en")


def test_meteor_is_nltks_without_synonyms() -> None:
    """The example of NLTK's documentation, in which no match depends on a synonym."""
    made = "It is a guide to action which ensures that the military always obeys the commands of the party"
    reference = "It is a guide to action that ensures that the military will forever heed Party commands"
    assert overlap.meteor(made, reference, "en") == pytest.approx(0.6944, abs=1e-4)
    assert overlap.meteor("a car", "an automobile", "en") == 0


def test_rouge_is_that_of_the_reference_implementation() -> None:
    """The example of rouge-score's README: precision, recall, F1."""
    found = overlap.rouge("The quick brown dog jumps on the log.", "The quick brown fox jumps over the lazy dog")
    assert found["rouge_1"] == pytest.approx((0.75, 0.6667, 0.7059), abs=1e-4)
    assert found["rouge_l"] == pytest.approx((0.625, 0.5556, 0.5882), abs=1e-4)


METRICS: list[Callable[[str, str, str], float]] = [
    lambda made, reference, language: overlap.sentence_bleu(made, reference, 2, language),
    lambda made, reference, language: overlap.sentence_bleu(made, reference, 4, language),
    lambda made, reference, _: overlap.rouge(made, reference)["rouge_1"][2],
    lambda made, reference, _: overlap.rouge(made, reference)["rouge_l"][2],
    overlap.meteor,
]


@pytest.mark.parametrize("metric", METRICS)
def test_edges(metric: Callable[[str, str, str], float]) -> None:
    """Empty text scores 0, identical text scores 1; Arabic is compared after normalising."""
    for made, reference in (("", ""), ("", "red"), ("red", ""), ("blue", "red")):
        assert metric(made, reference, "en") == 0
    all_ = pytest.approx(1.0, abs=0.02)  # METEOR's penalty applies even to one long match
    assert metric("a red car on the road", "a red car on the road", "en") == all_
    assert metric("هَٰذِهِ جُمْلَةٌ طويلةٌ مِنَ المِثالِ", "هذه جملة طويلة من المثال", "ar") == all_
    assert metric("السيارة حمراء تقف هنا", "القطة سوداء تنام هناك", "ar") == 0
    one_word = metric("red", "red", "en")
    assert one_word == (0.5 if metric is overlap.meteor else 1)  # as in NLTK


def test_a_sample_is_the_same_in_any_order() -> None:
    names = [str(i) for i in range(1_000)]
    chosen = Sampled(None, records=50).choose(names)
    assert len(chosen) == 50
    assert chosen == Sampled(None, records=50).choose(reversed(names))
    assert chosen != Sampled(None, records=50, seed=1).choose(names)
    assert Sampled(None, records=None).choose(names) == set(names)


class Mirror(TextTranslator):
    """A translator that returns its input and fails on some texts."""

    target = "en"

    def translate(self, texts: list[str]) -> list[str | None]:
        return [None if "lost" in text else text for text in texts]


def stages(root: Path, rows: list[tuple[str, str | None]], language: str = "en") -> tuple[Path, Path]:
    def turn(text: str | None) -> Any:
        return text and [{"question": text, "answer": "yes"}]

    blank = dict.fromkeys(RECORD.names)
    originals = [{**blank, "language": language, "id": str(i), "turns": turn(one)} for i, (one, _) in enumerate(rows)]
    Shards(root / "collect").create().write(0, originals)
    Shards(root / "translate", TRANSLATION).create().write(
        0, [{"id": str(i), "language": other and "ar", "turns": turn(other)} for i, (_, other) in enumerate(rows)]
    )
    return root / "collect", root / "translate"


def test_what_does_not_come_back_scores_nothing_and_is_counted(tmp_path: Path) -> None:
    rows = [
        ("Is this a red car here?", "Is this a red car here?"),
        ("Is it lost for ever?", "it is lost"),
        ("no", None),
    ]
    collect, translate = stages(tmp_path, rows)
    counts = back_translate(collect, translate, Sampled(Mirror(), records=None), Local(), tmp_path / "out")
    assert (counts["input"], counts["sampled"], counts["failed"]) == (3, 2, 1)
    made = list(Shards(tmp_path / "out", suffix="arrow").rows())
    assert made[0]["bleu_4"] == [1.0]
    assert made[1]["bleu_4"] == made[1]["rouge_l"] == [0.0]
    assert made[2]["bleu_4"] is None
    assert counts["rouge_1"] == pytest.approx(0.5)
    table = {row["metric"]: row for row in read_table(tmp_path / "out" / "tables" / "quality.csv")}
    assert list(table) == ["bleu_2", "bleu_4", "meteor", "rouge_1", "rouge_l"]
    assert table["rouge_1"]["precision"] == 50.0
    assert table["bleu_4"]["precision"] is None


def test_unsampled_records_have_no_scores(tmp_path: Path) -> None:
    collect, translate = stages(tmp_path, [(f"Is this car number {i}?", f"Is this car number {i}?") for i in range(20)])
    counts = back_translate(collect, translate, Sampled(Mirror(), records=5), Local(), tmp_path / "out")
    made = list(Shards(tmp_path / "out", suffix="arrow").rows(["meteor"]))
    assert counts["sampled"] == sum(row["meteor"] is not None for row in made) == 5


def test_what_was_not_in_the_language_translated_back_into_is_left_out(tmp_path: Path) -> None:
    collect, translate = stages(tmp_path, [("Est-ce une voiture ?", "هل هذه سيارة؟")], language="fr")
    counts = back_translate(collect, translate, Sampled(Mirror(), records=None), Local(), tmp_path / "out")
    assert (counts["input"], counts["sampled"]) == (1, 0)


def test_back_translation_by_a_chat_model_has_its_own_names_and_faults() -> None:
    """It uses the translating class, into English: low scores are no faults here, and messages name its own keys."""
    from test_config import config

    from ain.pipeline.build import component
    from ain.translator.faults import fault

    made = component(config("back_translation=gpt_4o_mini"), "back_translation")
    assert made.translator.target == "en"
    assert made.translator.chat.where == "back_translation.translator"
    assert fault("كم سيارة في الصورة؟ 3", "How many cars are in the image? 5", "en") is None
    refused = fault("ما هذا؟", "ما هذا؟", "en")
    assert refused is not None
    assert refused.kind == "untranslated"
