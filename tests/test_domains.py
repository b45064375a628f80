"""The miniature's domains: what is asked is drawn, a wrong image is no help, and clips travel as videos or as frames."""

from collections import defaultdict
from functools import cache
from itertools import islice
from random import Random

import pytest

from ain.benchmark.miniature import MiniatureBenchmark
from ain.metrics.checks import length, same_numbers, script_ratio
from ain.miniature import canvas
from ain.miniature.domains import video
from ain.miniature.world import DOMAINS, Scene, World
from ain.source.miniature import MiniatureSource

every_domain = pytest.mark.parametrize("domain", DOMAINS)


@cache
def scenes(domain: str, split: str = "train") -> list[Scene]:
    return list(islice(World(0).scenes(split, domain), 300))


def drawn(scene: Scene) -> bytes:
    """Draw what the facts alone decide: without the shifts of a pixel that tell two scenes apart."""
    sheets = [canvas.Canvas(Random(0), time) for time in (video.TIMES if scene.domain == "video" else [0.0])]
    for sheet in sheets:
        DOMAINS[scene.domain].draw(scene.facts, sheet)
    return b"".join(sheet.image.tobytes() for sheet in sheets)


@every_domain
def test_what_looks_alike_has_the_same_answers(domain: str) -> None:
    answers: dict[tuple[bytes, str], set[str]] = defaultdict(set)
    for scene in scenes(domain):
        for q in scene.questions:
            answers[drawn(scene), q.question].add(q.answer)
    assert {len(different) for different in answers.values()} == {1}


@every_domain
def test_a_tested_scene_was_never_trained_on(domain: str) -> None:
    assert not {drawn(scene) for scene in scenes(domain)} & {drawn(scene) for scene in scenes(domain, "test")}


@every_domain
def test_a_wrong_image_is_no_help(domain: str) -> None:
    """The answer to a question about another scene is another one in at least three fifths of all cases."""
    answers: dict[str, list[str]] = defaultdict(list)
    for scene in scenes(domain, "test"):
        for q in scene.questions:
            answers[q.question].append(q.answer)
    pairs = sum(len(given) * (len(given) - 1) for given in answers.values())
    same = sum(given.count(one) - 1 for given in answers.values() for one in given)
    assert same / pairs < 0.4


@every_domain
def test_both_languages_say_the_same(domain: str) -> None:
    """Each English sentence has one Arabic sentence and the reverse, and no check of translations rejects it."""
    forth, back = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for q in (q for scene in scenes(domain) for q in scene.questions):
        for english, arabic in ((q.question, q.question_ar), (q.answer, q.answer_ar)):
            forth[english].add(arabic)
            back[arabic].add(english)
        one, other = f"{q.question} {q.answer}", f"{q.question_ar} {q.answer_ar}"
        assert same_numbers(one, other) != 0.0, (one, other)
        assert (script_ratio(other, "ar") or 0) == 1, other
        assert 0.4 < length(one, other) < 2.5, (one, other)  # type: ignore[operator]
    assert {len(found) for found in (*forth.values(), *back.values())} == {1}


@every_domain
def test_what_is_unsafe_is_in_every_image(domain: str) -> None:
    for scene in islice(World(0).scenes("train", domain, unsafe_share=1.0), 40):
        safe = Scene(scene.name, domain, scene.facts, scene.questions, None, scene.filmed)
        assert all(one.tobytes() != other.tobytes() for one, other in zip(scene.images, safe.images, strict=True))


def test_a_clip_is_a_video_or_its_frames() -> None:
    """Half of the records hold one video, half its frames as images; the benchmark asks with frames alone."""
    found = [one for one in MiniatureSource(scenes=12, authentic=0).rows() if one.record["domain"] == "video"]
    shown = {
        (one.media[0].kind, len(one.media), one.record["turns"][0]["question"].partition("\n")[0]) for one in found
    }
    assert shown == {("video", 1, "<video>"), ("image", 3, "<image><image><image>")}
    assert {one.media[0].fps for one in found if one.media[0].kind == "video"} == {video.FPS}
    asked = [item for item in MiniatureBenchmark(scenes=12).items() if item.domain == "video"]
    assert {(item.question.count("<image>"), len(item.images)) for item in asked} == {(3, 3)}
    assert len({load() for load in asked[0].images}) > 1, "something changes"
