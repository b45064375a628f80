"""Damage on disk: files that were deleted, cut short, made longer or changed by a bit are named, never used in silence."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from commands import ain
from conftest import PICO, SOME
from flips import files
from test_pipeline import Stages

from ain.cli.export import _directory
from ain.miniature.checkpoints import trained as miniature
from ain.miniature.recipe import Recipe
from ain.pipeline.check import Part, compared, parts
from ain.runtime.paths import ROOT
from ain.runtime.progress import progress
from ain.storage.damage import Damaged
from ain.storage.images import ImageStore, checked, png
from ain.storage.ledger import Ledger, Spent, key
from ain.storage.listing import LISTING, listing_of, verified_tree
from ain.storage.manifest import read_manifest
from ain.storage.record import RECORD
from ain.storage.shards import Shards

Damage = Callable[[Path], object]


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def lengthen(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"\0")


def flip(path: Path, place: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[place if place >= 0 else len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.fixture
def copied(pico: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished pico run, to damage."""
    return Path(shutil.copytree(pico, tmp_path / "outputs"))


def flipped(outputs: Path, seed: int, count: int) -> dict[str, int]:
    words = [sys.executable, str(ROOT / "tests" / "flips.py"), str(outputs), str(seed), str(count)]
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, check=False
    )
    assert done.returncode == 0, f"the interpreter ended with {done.returncode}: {done.stderr[-2000:]}"
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_no_flipped_bit_is_used(copied: Path) -> None:
    """One in every file of the run and some more."""
    count = len(files(copied)) + 60
    found = flipped(copied, 0, count)
    assert set(found) <= {"noticed", "the same"}, found
    assert found["noticed"] > 0.9 * count


@pytest.mark.slow
def test_no_flipped_bit_of_a_thousand_is_used(copied: Path) -> None:
    found = flipped(copied, 1, 1_000)
    assert set(found) <= {"noticed", "the same"}, found


@pytest.mark.parametrize("damage", [Path.unlink, cut, lengthen])
def test_shards_of_every_stage_are_counted(copied: Path, damage: Damage) -> None:
    shards = [path for path in files(copied) if path.parent.name in ("kept", "rejected", "images")]
    assert len({path.parents[1].name for path in shards}) >= 9
    for path in shards:
        whole, directory = path.read_bytes(), next(above for above in path.parents if above.parent.name == "data")
        damage(path)
        with pytest.raises(Damaged) as said:
            listing_of(directory).check_sizes()
        assert str(said.value).startswith(f"{path}: damaged (")
        assert f"delete {directory} and run the same command" in str(said.value)
        path.write_bytes(whole)
        listing_of(directory).check_sizes()


def test_a_command_names_the_shard_that_is_missing(copied: Path, stages: Stages) -> None:
    (translate,), (verify,) = stages(copied)["translate"], stages(copied)["verify"]
    shard = translate / "kept" / "00000.parquet"
    shard.unlink()
    result = ain("select", *PICO, "thresholds.similarity=0.5", f"output_dir={copied}")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    said = result.stderr.splitlines()[-1]
    assert said.startswith(f"ain: {shard}: damaged (missing); delete {translate} and run the same command")
    assert verify.name in said  # it was made from the directory
    checked_ = ain("check", f"output_dir={copied}")
    assert checked_.returncode == 1
    assert str(shard) in checked_.stdout
    shutil.rmtree(translate)
    assert ain("translate", *PICO, f"output_dir={copied}").returncode == 0
    whole = ain("check", f"output_dir={copied}")
    assert whole.returncode == 0, whole.stdout
    assert whole.stdout.endswith("files as written\n")


def test_what_a_killed_run_left_is_compared_when_it_resumes(tmp_path: Path) -> None:
    shards = Shards(tmp_path, RECORD).create()
    for index in range(2):
        shards.write(index, [dict.fromkeys(RECORD.names) | {"id": str(index)}])
    paths = [tmp_path / "kept" / f"{index:05d}.parquet" for index in range(2)]
    cut(paths[0])
    with pytest.raises(Damaged, match=r"00000.parquet: damaged \([\d,]+ bytes instead of [\d,]+\)"):
        Shards(tmp_path, RECORD).done(0)
    paths[1].unlink()
    assert not Shards(tmp_path, RECORD).done(1)  # it is written again
    with pytest.raises(Damaged, match="missing"):
        Shards(tmp_path, RECORD).read(1, ["id"])
    with open(tmp_path / LISTING, "a") as file:
        file.write('\n{"file": "kept/00002.par')  # a power cut
    assert not Shards(tmp_path, RECORD).done(2)


def test_an_image_is_compared_with_its_name(tmp_path: Path) -> None:
    from PIL import Image

    Shards(tmp_path).create()
    store = ImageStore(tmp_path)
    data = png(Image.effect_noise((64, 64), 90))
    sha, width, height = checked(data)
    with store.writing(0) as shard:
        shard.add(sha, data, width, height)
    path = tmp_path / "images" / "00000.arrow"
    assert ImageStore(tmp_path).bytes((0, 0)) == data
    flip(path, path.read_bytes().index(data) + 1_000)
    with pytest.raises(Damaged, match=f"the image {sha[:16]}, row 0, has changed"):
        ImageStore(tmp_path).bytes((0, 0))
    assert ImageStore(tmp_path).size((0, 0)) == (64, 64)


def test_weights_are_compared_before_they_are_loaded(copied: Path, stages: Stages) -> None:
    (train,) = stages(copied)["train"]
    flip(train / "checkpoint" / "model.safetensors")
    for directory in [*stages(copied)["predict"], *stages(copied)["grade"]]:
        shutil.rmtree(directory)
    result = ain("evaluate", *PICO, f"output_dir={copied}")
    assert result.returncode == 1
    assert f"{train / 'checkpoint' / 'model.safetensors'}: damaged (its content has changed)" in result.stderr
    assert "Traceback" not in result.stderr
    with pytest.raises(Damaged):
        verified_tree(train / "checkpoint")
    recipe = Recipe.parse(f"miniature:base?steps=3&{SOME}")
    tiny = copied / "checkpoints" / recipe.identity()
    cut(tiny / "model.safetensors")
    with pytest.raises(Damaged, match=f"delete {tiny} and run"):
        miniature(recipe, copied / "checkpoints")
    shutil.rmtree(tiny)
    assert (miniature(recipe, copied / "checkpoints") / "model.safetensors").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_damaged_manifest_and_job_get_one_sentence(copied: Path, stages: Stages, content: bytes) -> None:
    (collect,) = stages(copied)["collect"]
    (job,) = copied.glob("runs/*/job.json")
    (collect / "manifest.json").write_bytes(content)
    job.write_bytes(content)
    with pytest.raises(Damaged, match=r"manifest\.json: damaged"):
        read_manifest(collect)
    with pytest.raises(Damaged, match=r"job\.json: damaged"):
        _directory(str(job.parent), copied)
    with progress("check") as bar:
        said = list(compared(list(parts(copied, [])), bar))
    assert {str(one).partition(":")[0] for one in said} == {str(collect / "manifest.json"), str(job)}


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b""), lambda path: path.write_text("no database"), cut]
)
def test_a_damaged_ledger_never_starts_anew(tmp_path: Path, damage: Damage) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.put([(key(i), f"نعم {i}") for i in range(500)], "run", Spent(1, 2, 3, 4.0, 5.0))
    ledger.close()
    damage(path)
    left = path.read_bytes()
    with pytest.raises(
        Damaged, match=r"ledger.sqlite: damaged .*paid for may be in it: put back a copy, or move it away"
    ):
        ledger = Ledger(path)
    assert path.read_bytes() == left


def test_a_log_without_its_ledger_is_no_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.put([("a", "one")])
    path.unlink()  # the log is not merged yet
    with pytest.raises(Damaged, match=r"missing, while ledger\.sqlite-wal is there"):
        Ledger(path)


def test_no_byte_of_an_answer_is_trusted(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.put([(key("a"), "the answer"), (key("b"), "other")], "run", Spent(1, 2, 3, 4.0, 5.0))
    ledger.close()
    data = path.read_bytes()
    for wanted in (b"the answer", key("a").encode(), b"run"):
        flip(path, data.rindex(wanted) + 1)
        with pytest.raises(Damaged):
            Ledger(path)
        path.write_bytes(data)
    assert Ledger(path).get(key("a")) == "the answer"


def test_a_ledger_of_an_earlier_version_is_read_and_continued(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID")
    database.execute("INSERT INTO answers VALUES ('a', 'one')")
    database.commit()
    database.close()
    ledger = Ledger(path)
    ledger.put([("b", "two")], "run", Spent(1, 0, 0, 0.5, 0.0))
    ledger.put([("c", "three")], "run", Spent(1, 0, 0, 0.5, 0.0))
    assert (ledger.get("a"), ledger.get("b"), ledger.spent("run").usd) == ("one", "two", 1.0)
    ledger.check()


@pytest.fixture
def readable(pico: Path) -> Iterator[Path]:
    """Return a finished run in a place that everybody can read."""
    place = Path(tempfile.mkdtemp(prefix="ain-read-only-"))
    place.chmod(0o755)
    yield Path(shutil.copytree(pico, place / "outputs"))
    for path in (place / "outputs").rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(place)


def test_a_read_only_directory_gives_what_is_done(readable: Path, tmp_path: Path) -> None:
    (page,) = (readable / "report" / "jobs").iterdir()
    for path in [readable, *readable.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    other = partial(os.setuid, 65_534) if os.getuid() == 0 else None  # root may write everywhere
    cache = tempfile.mkdtemp(prefix="ain-cache-")
    os.chmod(cache, 0o777)
    words = [*PICO, f"output_dir={readable}"]
    env = {"XDG_CACHE_HOME": cache, "HOME": cache, "TMPDIR": tempfile.gettempdir()}
    done = ain("run", *words, change=other, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == str(page)
    assert f"output_dir={readable}: cannot be written; everything was found done" in done.stderr
    unfinished = ain("select", *words, "thresholds.similarity=0.5", change=other, env=env)
    assert unfinished.returncode == 1
    assert unfinished.stderr.splitlines()[-1] == (
        f"ain: output_dir={readable}: cannot be written, and select is not done; give a directory that can, with "
        "output_dir=DIR"
    )


def test_check_takes_directories_and_jobs(copied: Path, stages: Stages) -> None:
    (verify,) = stages(copied)["verify"]
    (job,) = copied.glob("runs/*/job.json")
    flip(verify / "kept" / "00000.arrow")
    with progress("check") as bar:
        for names, count in (([str(verify)], 1), ([job.parent.name], 1), ([str(stages(copied)["mix"][0])], 0)):
            found = list(parts(copied, names))
            assert all(isinstance(part, Part) for part in found)
            assert len(list(compared(found, bar))) == count, names
