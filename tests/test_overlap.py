"""What training has seen of a benchmark is found, also reworded marks and re-encoded images, and nothing else is."""

import io
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from asking import good
from commands import ain
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_grade import answered, benchmark

from ain.benchmark.miniature import MiniatureBenchmark
from ain.benchmark.overlap import Question, Search
from ain.metrics.near_duplicates import cells, perceptual_hash, same_cells
from ain.metrics.ngrams import ngrams
from ain.miniature.world import DOMAINS, World
from ain.model.samples import STORES
from ain.stages.grade import grade
from ain.stages.hash_images import hash_images
from ain.stages.mix import SCHEMA as MIXED
from ain.stages.overlap import overlap
from ain.storage.images import ImageStore, png
from ain.storage.listing import mark_done
from ain.storage.manifest import read_manifest
from ain.storage.shards import Shards
from ain.storage.tables import read_table

LONG = "How many of the people who are waiting at the bus stop hold an umbrella today?"
ARABIC = "كم عدد الأشخاص الذين ينتظرون في موقف الحافلات ويحمل كل واحد منهم مظلة سوداء كبيرة اليوم؟"


class Said(NamedTuple):
    image: Image.Image
    question: str
    answer: str
    split: str = "train"


def photo(seed: int) -> Image.Image:
    """Draw soft shapes in many colours, as a photograph has them."""
    noise = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)


def copied(image: Image.Image, scale: float = 0.5, quality: int = 40) -> Image.Image:
    """Scale an image and compress it anew."""
    buffer = io.BytesIO()
    size = round(image.width * scale), round(image.height * scale)
    image.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def store(directory: Path, images: Sequence[tuple[str, Image.Image]]) -> None:
    with ImageStore(directory, small=True).writing(0) as writer:
        for name, image in images:
            writer.add(name, png(image), *image.size)


def mixture(data: Path, said: Sequence[Said], images: str = "original") -> dict[str, Any]:
    """Write the directories that overlap reads of a mixture; return them as its arguments."""
    collect, hashes, mix = (data / name for name in ("collect", "hash_images", "mix"))
    store(collect, [(str(i), one.image) for i, one in enumerate(said)])
    counts = hash_images(collect, hashes)
    assert counts["kept"] == len(said)
    rows = []
    for i, one in enumerate(said):
        media = [{"kind": "image", "images": [{"store": 0, "shard": 0, "row": i}], "fps": None}]
        turns = [{"question": f"<image>\n{one.question}", "answer": one.answer}]
        common = dict.fromkeys(("part", "source", "origin", "domain", "language"), "x")
        rows.append({"id": str(i), **common, "split": one.split, "media": media, "turns": turns})
    Shards(mix, MIXED).create()
    for index, start in enumerate(range(0, len(rows), 3)):
        Shards(mix, MIXED).write(index, rows[start : start + 3])
    (mix / STORES).write_text(json.dumps({"stores": [collect.name], "images": images}))
    return {"mix": mix, "parts": {"x": {"collect": collect, "hash_images": hashes}}}


def asked(data: Path, model: str, questions: Sequence[tuple[Image.Image, str, bool]]) -> dict[str, Path]:
    """Write what predict and grade leave for a model; each question says whether the model answered it right."""
    predict, graded = data / f"predict-{model}", data / f"grade-{model}"
    rows = [
        {"media": [f"image {i}"], "question": f"<image>\n{text}", "labels": ["a"], "prediction": "a" if right else "b"}
        for i, (_, text, right) in enumerate(questions)
    ]
    answered(predict, rows)
    mark_done(predict, {"counts": {"model": model, "benchmark": "made"}})
    store(predict, [(f"image {i}", image) for i, (image, _, _) in enumerate(questions)])
    mark_done(graded, {"counts": grade(predict, benchmark(), graded)})
    return {"predict": predict, "grade": graded}


def found(directory: Path) -> list[tuple[bool, bool]]:
    return [(row["text"], row["image"]) for row in Shards(directory).rows(["text", "image"])]


def test_planted_overlap_is_found_and_none_is_invented(tmp_path: Path) -> None:
    patched = photo(6).copy()
    patched.paste((255, 0, 0), (200, 60, 220, 80))
    assert (perceptual_hash(patched) ^ perceptual_hash(photo(6))).bit_count() <= 4  # alike by the hash alone
    train = [
        Said(photo(100), "What is this?", f"As they asked: {LONG.upper().replace('?', ' ...')} Two do."),
        Said(photo(101), ARABIC.replace("الأشخاص", "الاشخاصُ").replace(" في ", "  في "), "اثنان."),
        Said(copied(photo(2)), "Something else?", "Yes."),
        Said(copied(photo(3), 1.6, 70), "what colour is the CAR", "Red."),
        Said(photo(102), "Where is the dog?", "Nowhere."),
        Said(photo(103), LONG.replace("waiting", "standing").replace("bus", "tram"), "Three."),
        Said(photo(6), "Who is it?", "Nobody."),
        Said(photo(7), f"Please tell us: {LONG}", "One.", "validation"),
    ]
    questions = [
        (photo(0), LONG, True),  # in an answer, with other marks and case
        (photo(1), ARABIC, False),  # with other forms of letters
        (photo(2), "What is it?", True),  # the image, scaled and compressed
        (photo(3), "What colour is the car?", True),  # a short question of the same image
        (photo(4), "Where is the dog?", False),  # a short question of another image
        (photo(5), LONG.replace("people", "women"), True),  # no run of 13 words
        (patched, "Who is it?", True),  # an image that differs in one place
        (photo(7), "What is shown on the left?", False),  # held out of training
    ]
    pairs = {"base": asked(tmp_path, "base", questions), "tuned": asked(tmp_path, "tuned", questions[:4] * 2)}
    counts = overlap(**mixture(tmp_path, train), pairs=pairs, out=tmp_path / "out")
    clear = (False, False)
    assert found(tmp_path / "out") == [(True, False), (True, False), (False, True), (True, True), *[clear] * 4]
    assert (counts["input"], counts["kept"], counts["overlapping"], counts["conversations"]) == (8, 8, 4, 7)
    first = read_table(tmp_path / "out" / "tables" / "overlap.csv")[0]
    assert [first[name] for name in ("domain", "questions", "text", "image", "both", "percent")] == [
        "all",
        8,
        3,
        2,
        1,
        50.0,
    ]
    table = read_table(tmp_path / "out" / "tables" / "contamination.csv")
    base, tuned = (next(row for row in table if row["model"] == model) for model in ("base", "tuned"))
    columns = ("questions", "overlapping", "accuracy", "accuracy without")
    assert [base[name] for name in columns] == [8, 4, 62.5, 50.0]
    assert [tuned[name] for name in columns] == [8, 4, 75.0, 75.0]


def test_instructions_are_no_overlap(tmp_path: Path) -> None:
    """A sentence that many questions share is in the training data, too; what else they ask is not."""
    ends = "Answer with the letter of the option that you think is right and nothing else."
    questions = [(photo(i), f"What is number {i}? {ends}", True) for i in range(12)]
    train = [Said(photo(50 + i), f"Who was it? {ends}", "A") for i in range(4)]
    overlap(**mixture(tmp_path, train), pairs={"base": asked(tmp_path, "base", questions)}, out=tmp_path / "out")
    assert found(tmp_path / "out") == [(False, False)] * 12


def test_training_on_blank_images_sees_no_image(tmp_path: Path) -> None:
    train, questions = [Said(photo(0), "What is it?", "A cat.")], [(photo(0), "What is it?", True)]
    pairs = {"base": asked(tmp_path, "base", questions)}
    assert overlap(**mixture(tmp_path / "a", train), pairs=pairs, out=tmp_path / "seen")["overlapping"] == 1
    assert overlap(**mixture(tmp_path / "b", train, "blank"), pairs=pairs, out=tmp_path / "not")["overlapping"] == 0


def test_test_scenes_of_the_miniature_were_never_seen(tmp_path: Path) -> None:
    world = World(0)
    scenes = [scene for domain in DOMAINS for scene in islice(world.scenes("train", domain), 40)]
    turns = [(scene, one) for scene in scenes for one in scene.questions[:2]]
    said = [Said(scene.images[0], one.question, one.answer) for scene, one in turns]
    parts = mixture(tmp_path, said)
    items = list(MiniatureBenchmark(scenes=20).items())
    images = {item.id: Image.open(io.BytesIO(item.images[0]())).convert("RGB") for item in items}
    questions = [Question(item.question, (item.id,)) for item in items]
    again = [Question(scenes[0].questions[0].question, ("seen",))]
    search = Search(
        [*questions, *again], [*images.items(), ("seen", scenes[0].images[0])], parts["mix"], [tmp_path / "hash_images"]
    )
    shards = range(len(Shards(parts["mix"])))
    *unseen, seen = search.overlapping(search.shard(index) for index in shards)
    assert set(unseen) == {(False, False)}
    assert seen == (True, True)


@pytest.mark.parametrize(("scale", "quality"), [(1.0, 25), (0.4, 40), (1.7, 60)])
def test_a_copy_of_an_image_is_the_same_and_others_are_not(scale: float, quality: int) -> None:
    images = [photo(seed) for seed in range(12)]
    for image in images:
        copy = copied(image, scale, quality)
        assert (perceptual_hash(copy) ^ perceptual_hash(image)).bit_count() <= 4
        assert [same_cells(cells(copy), cells(other)) for other in images] == [other is image for other in images]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=8), max_size=5), st.integers(1, 4))
def test_ngrams_are_those_within_texts(texts: list[list[str]], n: int) -> None:
    hashes, of = ngrams(texts, n)
    runs = [(tuple(text[i : i + n]), number) for number, text in enumerate(texts) for i in range(len(text) - n + 1)]
    assert of.tolist() == [number for _, number in runs]
    assert len(set(hashes.tolist())) == len({run for run, _ in runs})
    assert len({(run, one) for (run, _), one in zip(runs, hashes.tolist(), strict=True)}) == len(set(hashes.tolist()))


def test_the_command_writes_a_page_with_scores_without_overlap(tmp_path: Path) -> None:
    answers, outputs = tmp_path / "answers.jsonl", tmp_path / "outputs"
    items = list(MiniatureBenchmark(scenes=3, questions=2).items())
    rows = [{"id": f"{item.id}/shown", "text": item.labels[0]} for item in items]
    answers.write_text("\n".join(json.dumps(row) for row in rows))
    small = ("benchmark.scenes=3", "benchmark.questions=2", "benchmark.images=[shown]", "tracker=disabled")
    given = ("models=[theirs]", "predictor=answers", f"predictor.path={answers}", *small)
    data = ("source.scenes=12", "source.authentic=4", "mixture=english", "screener=none", "thresholds=none")
    good(result := ain("overlap", *given, *data, f"output_dir={outputs}"))
    (out,) = (path.parent for path in (outputs / "data").glob("*-overlap-*/manifest.json"))
    counts = read_manifest(out)["counts"]
    assert (counts["input"], counts["image"], counts["text"]) == (len(items), 0, 0)
    assert counts["conversations"] > 10
    page = (Path(result.stdout.strip().splitlines()[-1]) / "index.md").read_text()
    assert "What training has seen of the benchmarks" in page
    assert f"0 of {len(items)} questions overlap" in page
    assert {row["accuracy without"] for row in read_table(out / "tables" / "contamination.csv")} == {100.0}
