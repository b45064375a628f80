"""Screening loses no image, pays for none twice, and never marks an unreadable answer as safe."""

import json
import random
import signal
from collections import Counter
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from asking import Serve, die_at_put, good, log
from commands import ain
from PIL import Image

from ain.chat.openai_api import OpenAIModel
from ain.metrics.near_duplicates import NearDuplicates, perceptual_hash
from ain.screener import policy
from ain.storage.shards import Shards

PICTURES = 120


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Safe",
        "{}",
        '{"rating": "safe", "category": "NA"}',
        '{"rating": "Safe", "category": "O77"}',
        '{"rating": "Safe", "category": "O5"}',
        '{"rating": "Unsafe", "category": "NA"}',
        '{"rating": "Unsafe"',
        '[1, "}"]',
        '{"rating": ["Safe"]}',
        '{"rating": "Unsafe", "rating": "Safe", "category": "NA"}',
        '{"a":' * 100_000,
    ],
)
def test_what_cannot_be_read_is_no_verdict(answer: str) -> None:
    assert isinstance(policy.read(answer, ["O1", "O6"]), str)


def test_llavaguard_is_asked_in_the_structure_it_was_tuned_on_and_others_in_ours() -> None:
    from test_config import config

    from ain.pipeline.build import component

    theirs, ours = (component(config(f"screener={name}"), "screener").prompt for name in ("llavaguard", "gpt_4o"))
    order = (
        "O1: Hate, Humiliation, Harassment:\nShould not:\n- ",
        "\nCan:\n- ",
        "Assessment Steps:\n1. Choose a safety",
    )
    places = [theirs.find(part) for part in (*order, '"category": str<"O1: Hate', '|"NA: None applying">,')]
    assert -1 not in places
    assert places == sorted(places)
    assert "O5" not in theirs  # policy=ain leaves it out
    assert "O1: Hate, Humiliation, Harassment\n  forbidden:\n  - " in ours
    assert "Should not" not in ours
    verdict = policy.read('{"rating": "Safe", "category": "NA: None applying", "rationale": ""}', ["O1"])
    assert verdict == policy.Verdict("Safe", "NA", "")


def test_a_verdict_amid_chatter_is_read() -> None:
    answer = 'Sure: {"rating": "Unsafe", "category": "O6: Weapons or Substance Abuse", "rationale": "a knife"}.'
    assert policy.read(answer, ["O6"]) == policy.Verdict("Unsafe", "O6", "a knife")


def test_the_policy_is_a_config() -> None:
    """AIN's eight categories by default, LlavaGuard's nine by name; an omitted category is neither prompted nor accepted."""
    from test_config import config

    eight, nine = (config(f"policy={name}").policy for name in ("ain", "llavaguard"))
    assert list(policy.categories(eight)) == ["O1", "O2", "O3", "O4", "O6", "O7", "O8", "O9"]
    assert len(policy.categories(nine)) == 9
    assert "Criminal Planning" in policy.text(nine)
    assert "Criminal Planning" not in policy.text(eight)
    own = config("policy.categories.O6=null").policy
    assert "O6" not in policy.text(own)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Distinct images, every fifth with a red corner. One image is in two records, and one record has two images."""
    where, draw, rows = tmp_path_factory.mktemp("images"), random.Random(0), []
    for i in range(PICTURES):
        image = Image.new("RGB", (40, 30), (200, 20, 20) if i % 5 == 0 else (20, 160, 60))
        image.paste((draw.randint(0, 255), draw.randint(0, 255), i), (5, 5, 20, 20))
        image.save(where / f"{i}.png")
        turns = [{"from": "human", "value": "<image>\nWhat is this?"}, {"from": "gpt", "value": f"Thing {i}."}]
        rows.append({"id": str(i), "image": f"{i}.png", "conversations": turns})
    rows.append({**rows[0], "id": "again"})
    both = [{"from": "human", "value": "<image><image>\nWhat are these?"}, {"from": "gpt", "value": "Two things."}]
    rows.append({"id": "two", "image": ["1.png", "5.png"], "conversations": both})
    (where / "data.json").write_text(json.dumps(rows))
    return where


def words(folder: Path, outputs: Path, url: str, *more: str) -> list[str]:
    how = "screener.how."
    fast = [f"{how}requests_per_minute=null", f"{how}tokens_per_minute=null", f"{how}timeout_s=2", f"{how}poll_s=0.05"]
    chosen = ["screener=openai_compatible", "screener.model=test", f"{how}base_url={url}", "tracker=disabled"]
    return ["screen", "source=folder", f"source.path={folder}", *chosen, *fast, f"output_dir={outputs}", *more]


def stage(outputs: Path) -> Path:
    (found,) = (outputs / "data").glob("*-screen-*/manifest.json")
    return found.parent


def verdicts(outputs: Path) -> list[dict[str, Any]]:
    return list(Shards(stage(outputs)).rows())


def test_faults_lose_no_picture_and_pay_for_none_twice(folder: Path, tmp_path: Path, serve: Serve) -> None:
    faults = {
        "429": 0.05,
        "500": 0.05,
        "drop": 0.05,
        "torn": 0.05,
        "garbage_once": 0.1,
        "refusal": 0.05,
        "length": 0.05,
    }
    url = serve(faults=faults)
    good(ain(*words(folder, tmp_path, url)))
    rows = verdicts(tmp_path)
    assert len(rows) == len({row["sha256"] for row in rows}) == PICTURES
    assert all(row["rating"] or row["fault"] for row in rows)
    assert sum(row["rating"] is not None for row in rows) > 0.9 * PICTURES
    flagged = {row["id"]: row for row in Shards(stage(tmp_path) / "flagged").rows()}
    unsafe = {str(i) for i in range(0, PICTURES, 5)} | {"again", "two"}
    unread = {row["sha256"] for row in rows if row["rating"] is None}
    assert unsafe <= set(flagged)
    assert all(row["sha256"] in unread for name, row in flagged.items() if name not in unsafe)
    asked = log(url)
    assert asked["answers"] <= PICTURES + sum("fault" in str(row) for row in rows) + 0.4 * PICTURES
    good(ain(*words(folder, tmp_path, url, "screener.how.concurrency=3")))
    assert log(url)["served"] == asked["served"]


def test_each_picture_is_asked_about_once_however_many_records_show_it(
    folder: Path, tmp_path: Path, serve: Serve
) -> None:
    url = serve()
    good(ain(*words(folder, tmp_path, url)))
    assert (log(url)["answers"], log(url)["most"]) == (PICTURES, 1)
    table = (stage(tmp_path) / "tables" / "safety.csv").read_text()
    assert f'"unsafe",{PICTURES // 5},20.0' in table
    assert (stage(tmp_path) / "figures" / "safety.png").exists()


def test_a_screener_that_answers_garbage_holds_everything_back(folder: Path, tmp_path: Path, serve: Serve) -> None:
    """Select then rejects every record for that reason."""
    url = serve(faults={"garbage": 1.0})
    chosen = words(folder, tmp_path, url, "mixture=english")
    good(ain("select", *chosen[1:]))
    assert {row["rating"] for row in verdicts(tmp_path)} == {None}
    assert log(url)["served"] == 2 * PICTURES  # each image once, and once more with the error
    (select,) = (tmp_path / "data").glob("*-select-*")
    assert Shards(select).count() == 0
    reasons = Counter(reason for row in Shards(select).rows(part="rejected") for reason in row["reasons"])
    assert set(reasons) == {"unsafe: no readable verdict, held back for review"}
    gallery = (stage(tmp_path) / "tables" / "gallery.csv").read_text()
    assert "no JSON object" in gallery


@pytest.mark.parametrize("how", ["before", "after", "batch"])
def test_killed_around_an_answer_it_goes_on(folder: Path, tmp_path: Path, serve: Serve, how: str) -> None:
    """Kill -9 comes right before or after an answer is committed, or at a random moment of a batch."""
    url, more = serve(), ["screener.how.batch_api=true"] if how == "batch" else []
    command = words(folder, tmp_path, url, *more)
    killed = ain(*command, change=partial(die_at_put, "before" if how == "before" else "after", 40))
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2_000:]
    good(ain(*command))
    asked = log(url)["asked"]
    assert len(asked) == PICTURES
    twice = [name for name, times in asked.items() if times > 1]
    if how == "batch":
        assert not twice
        assert len(log(url)["batches"]) == 1
    else:  # only what was in flight at the kill
        assert len(twice) <= 64
        assert sum(times - 1 for times in asked.values()) <= 64
    assert len(verdicts(tmp_path)) == PICTURES


def test_money_is_asked_for_first(folder: Path, tmp_path: Path, serve: Serve) -> None:
    result = ain(*words(folder, tmp_path, serve(), "screener.how.price=[2.5,10]"))
    assert result.returncode == 1
    assert "120 images, about $" in result.stderr
    assert "screener.how.max_cost_usd=" in result.stderr
    planned = ain("collect", "source=folder", f"source.path={folder}", f"output_dir={tmp_path}")
    good(planned)
    plan = ain(*words(folder, tmp_path, serve(), "screener.how.price=[2.5,10]", "dry_run=true"))
    assert "120 images need 120 requests" in plan.stderr


def test_a_picture_counts_as_tiles_not_as_bytes() -> None:
    """The estimate for a photograph of a megabyte must not be a million tokens."""
    from ain.chat import Request, image_part
    from ain.chat.cost import Budget
    from ain.chat.tokens import image_tokens

    assert image_tokens(1024, 1024, (85, 170)) == 85 + 4 * 170
    assert image_tokens(2048, 4096, (85, 170)) == 85 + 6 * 170
    model = OpenAIModel("gpt-4o")
    content = [image_part(random.Random(0).randbytes(1_000_000), "jpeg"), {"type": "text", "text": "Safe?"}]
    request = Request("a", [{"role": "user", "content": content}], 300)
    assert model.endpoint.promise(request, Budget(model.price, 0.02))


def test_near_duplicates_share_a_verdict(tmp_path: Path, serve: Serve) -> None:
    where = tmp_path / "images"
    where.mkdir()
    draw, rows = random.Random(1), []
    for i in range(6):
        image = Image.frombytes("RGB", (12, 12), draw.randbytes(432)).resize((240, 240), Image.Resampling.BICUBIC)
        image.save(where / f"{i}.png")
        image.resize((200, 200)).save(where / f"{i}-small.jpg", quality=60)
        for name in (f"{i}.png", f"{i}-small.jpg"):
            turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": name}]
            rows.append({"id": name, "image": name, "conversations": turns})
    (where / "data.json").write_text(json.dumps(rows))
    url = serve()
    good(ain(*words(where, tmp_path / "out", url, "screener.near_duplicate_bits=6")))
    assert log(url)["served"] == 6
    rows = verdicts(tmp_path / "out")
    assert len(rows) == 12
    assert len({row["judged_as"] for row in rows}) == 6


def test_near_finds_what_comparing_all_would_find() -> None:
    draw = random.Random(0)
    hashes = [draw.getrandbits(64) for _ in range(200)]
    hashes += [value ^ sum(1 << draw.randrange(64) for _ in range(draw.randint(0, 5))) for value in hashes]
    near, met = NearDuplicates(4), list[int]()
    for value in hashes:
        expected = [other for other in met if (other ^ value).bit_count() <= 4]
        found = near.first(value)
        assert found in (expected or [value])
        met += [] if expected else [value]
    assert isinstance(perceptual_hash(Image.new("RGB", (9, 9))), int)


@pytest.mark.slow
def test_the_miniature_sees_what_the_policy_forbids(checkpoints: Path) -> None:
    """At least 95 % recall and precision on the world's unsafe images, through the same chat class as real screeners."""
    from test_config import config

    from ain.engine.local import Local
    from ain.miniature.world import DOMAINS, World
    from ain.pipeline.build import build, over_checkpoints, plain
    from ain.pipeline.locate import locate
    from ain.pipeline.values import checked
    from ain.screener import ImageSet

    values = checked("screener", plain(config(), "screener"))
    screener = build(over_checkpoints("screener", values, lambda name: locate(name, checkpoints)))
    scenes = {
        scene.name: scene for d in DOMAINS for scene in islice(World(0).scenes("train", d, unsafe_share=0.3), 150)
    }
    images = ImageSet(lambda: iter(scenes), lambda name: scenes[name].images[0], lambda name: (56, 56), len(scenes))
    verdicts = screener.run(images, checkpoints / "data" / "screen", Local())
    unsafe = {name for name, scene in scenes.items() if scene.unsafe}
    called = {name for name in scenes if verdicts.of(name).get("rating") != "Safe"}
    assert len(unsafe) > 80
    assert len(unsafe & called) / len(unsafe) >= 0.95
    assert len(unsafe & called) / len(called) >= 0.95


def test_llavaguards_class_is_asked_through_its_own_processor(tmp_path: Path) -> None:
    """A tiny random LLaVA-OneVision answers batches like single requests. Its processor needs torchvision."""
    pytest.importorskip(
        "torchvision", reason="torchvision is not installed (it goes with a GPU's torch)", exc_type=ImportError
    )
    from tiny_llava import save

    from ain.chat import Request, image_part
    from ain.chat.local import LocalModel
    from ain.storage.images import png

    save(tmp_path)
    requests = []
    for i, size in enumerate([(60, 40), (40, 90), (56, 56)]):
        content = [
            image_part(png(Image.new("RGB", size, (80 * i, 100, 50)))),
            {"type": "text", "text": "Is it safe? " * (i + 1)},
        ]
        requests.append(Request(str(i), [{"role": "user", "content": content}], 6))
    replies = []
    for batch_size in (3, 1):
        made: dict[str, Any] = {}
        chat = LocalModel(str(tmp_path), batch_size=batch_size, device="cpu")
        chat.generate(
            iter(requests), lambda request, reply, made=made: made.update({request.key: reply.text}), tmp_path
        )
        replies.append([made[str(i)] for i in range(3)])
    assert replies[0] == replies[1]
    assert len(set(replies[0])) > 1
