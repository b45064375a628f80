"""The command line: what users type, and the messages they get."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Command, ain

from ain import UserError, __version__
from ain.cli.arguments import arguments
from ain.pipeline.stages import STAGES


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("select -m a=1,2", "stage=select a=1,2 -m"),
        ("select a=1,2 -m b=3", "stage=select a=1,2 b=3 -m"),
        ("-m", None),
        ("run ain/corrupted seed=1 --cfg job", "seed=1 experiment=ain/corrupted --cfg job"),
        ("run --cfg job quickstart", "experiment=quickstart --cfg job"),
        ("train ~experiment", "stage=train ~experiment"),
        ("reproduce no/such seed=1", "reproduce=true seed=1 experiment=no/such"),
        ("reproduce", None),
    ],
)
def test_the_sugar(typed: str, given: str | None) -> None:
    if given is None:
        with pytest.raises(UserError, match=r"no such command|reproduce what"):
            arguments(typed.split())
    else:
        assert arguments(typed.split()) == given.split()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("pack", "pack is called tokenize now: ain tokenize ..."),
        (
            "train trainer.row_tokens=4096",
            "trainer.row_tokens is called trainer.pack_length now: type trainer.pack_length=4096",
        ),
        ("run +trainer.how.workers=2 -m", "trainer.how.workers is called trainer.how.num_workers now"),
        ("run ~translator.spoil.mismatch", "translator.spoil.mismatch is called translator.corrupt.mismatch now"),
        (
            "run back_translation.translator.how.tries=3",
            "back_translation.translator.how.tries is called back_translation.translator.how.max_attempts now",
        ),
        ("run predictor=transformers", "predictor=transformers is called predictor=local now"),
        ("run ain/spoiled", "experiment=ain/spoiled is called experiment=ain/corrupted now"),
    ],
)
def test_old_names_are_refused_with_the_new_ones(typed: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        arguments(typed.split())
    assert str(refused.value).lstrip("+~").startswith(said)


def test_every_new_name_is_one() -> None:
    from ain.pipeline.keys import known_keys
    from ain.pipeline.renames import KEYS

    chats = ["translator=openai_compatible", "screener=openai_compatible"]
    known = {key for words in ([], chats) for key in known_keys(words)}
    assert set(KEYS.values()) <= known
    assert not set(KEYS) & known


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("colect", "ain: colect: no such command; choose one of collect, translate"),
        ("run translator=gtp_4o", "ain: translator=gtp_4o: choose one of answers, gpt_4, gpt_4o, gpt_4o_mini,"),
        ("run translator.chekpoint=x", "ain: no such key: translator.chekpoint; did you mean translator.checkpoint?"),
        (
            "run translator.how.base_url=x",
            "no such key: translator.how.base_url; it exists for translator=gpt_4, gpt_4o, gpt_4o_mini, gpt_6_luna,",
        ),
        ("run translator.base_url=x", "did you mean translator.how.base_url, which exists for translator=gpt_4,"),
        ("train stage=select", "ain: stage=select: the verb is the stage; type ain select ... instead of ain train"),
        ("collect dry_run=yesplease", "ain: dry_run=yesplease: expected true or false"),
        ("run tresholds=paper", "did you mean thresholds?"),
        (
            "run ain/corupted",
            "ain: experiment=ain/corupted: choose one of ain/ablations/authentic, ain/ablations/blind,",
        ),
        ("reproduce quickstart", "ain: quickstart reproduces no table of a paper; run it with: ain run quickstart"),
        ("collect source=folder", "ain: source.path has no value: add source.path=... to the command"),
        ("collect source=folder source.path=/nowhere", "ain: source.path=/nowhere: no such directory"),
        ("run a b", "ain: a b: one experiment at a time"),
        (
            "train model.checkpoint=./nowhere dry_run=false",
            "ain: ./nowhere: no such directory; give a checkpoint's directory or a hub id",
        ),
        ("collect source.scenes=many", "ain: source.scenes=many: expected a whole number"),
        ("collect source.limit=true", "ain: source.limit=true: expected a whole number"),
        ("verify verifier.checkpoint=miniature:enc", "ain: miniature:enc: choose one of miniature:base"),
    ],
)
def test_mistakes_get_one_sentence(typed: str, said: str, tmp_path: Path) -> None:
    result = ain(*typed.split(), f"output_dir={tmp_path}") if "colect" not in typed else ain(*typed.split())
    assert result.returncode != 0
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def experiment(tmp_path: Path, text: str, name: str = "mine") -> list[str]:
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    return ["run", name, f"hydra.searchpath=[file://{tmp_path}/conf]", f"output_dir={tmp_path}/outputs", "dry_run=true"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "# @package _global_\ntranslator:\n  chekpoint: x\n",
            "experiment mine: no such key: translator.chekpoint; did you mean translator.checkpoint?",
        ),
        (
            "# @package _global_\ntreshold:\n  similarity: 0.9\n",
            "experiment mine: no such key: treshold; did you mean thresholds?",
        ),
        (
            "thresholds:\n  similarity: 0.95\n",
            "experiment mine: no such key: experiment; does its first line say `# @package _global_`?",
        ),
        ("# @package _global_\ndefaults:\n  - override /translator: gtp_4o\n", "translator=gtp_4o: choose one of"),
    ],
)
def test_mistakes_in_an_experiment_get_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    result = ain(*experiment(tmp_path, text))
    assert result.returncode != 0
    assert said in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


def test_an_experiment_from_any_directory(tmp_path: Path) -> None:
    result = ain("run", "quickstart", "--cfg", "job", cwd=tmp_path)
    assert result.returncode == 0
    assert "stage: run" in result.stdout


def test_help_lists_the_choices_and_loads_nothing_heavy() -> None:
    result = ain("--help")
    assert "*default loose none paper strict" in result.stdout
    assert "quickstart" in result.stdout
    assert not [stage for stage in STAGES if f"  {stage} " not in result.stdout]
    heavy = "{'hydra', 'torch', 'transformers', 'pyarrow', 'wandb', 'matplotlib', 'datasets'}"
    code = (
        "import sys; sys.argv = ['ain', '--help']; from ain.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.endswith(
        "[]\n"
    )


def test_help_on_a_verb_shows_its_settings() -> None:
    shown = ain("translate", "translator=gpt_4o", "--help").stdout
    assert "translator.model=gpt-4o-" in shown
    assert "translator.how.max_cost_usd=0 " in shown
    assert "  prompt " in shown  # the translator refers to it
    assert "  source " in shown  # a stage before it reads it
    assert "trainer" not in shown
    assert "Question: " in ain("run", "ain/table4", "--help").stdout
    result = ain("trian", "--help")
    assert result.returncode != 0
    assert "did you mean train?" in result.stderr


def test_dry_run_touches_nothing(tmp_path: Path) -> None:
    result = ain("run", f"output_dir={tmp_path}/new", "dry_run=true")
    assert result.returncode == 0, result.stderr
    plan = [line.split()[1] for line in result.stderr.splitlines() if "to make" in line]
    assert set(plan) == set(STAGES) - {"rate", "hash_images", "overlap", "pairwise"}
    assert not list(tmp_path.iterdir())
    result = ain("run", "-m", "thresholds=paper,none", "mixture=english", f"output_dir={tmp_path}/new", "dry_run=true")
    assert result.returncode == 0, result.stderr
    assert "translate" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_standard_output_is_the_directory_alone(tmp_path: Path) -> None:
    result = ain("collect", "source.scenes=2", "source.authentic=0", f"output_dir={tmp_path}")
    assert result.returncode == 0, result.stderr
    directory = Path(result.stdout.strip())
    assert json.loads((directory / "manifest.json").read_text())["counts"]["kept"] == 16


def test_a_sweep_with_a_failing_job_finishes_the_others(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.mkdir()
    (good / "data.json").write_text(
        json.dumps([{"id": 1, "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]}])
    )
    result = ain(
        "collect", "source=folder", f"source.path={tmp_path}/none,{good}", "-m", f"output_dir={tmp_path}/outputs"
    )
    assert result.returncode != 0
    lines = result.stderr.splitlines()
    assert any(
        f"source.path={tmp_path}/none" in line and "failed" in line and "no such directory" in line for line in lines
    )
    assert any(f"source.path={good}" in line and "done" in line for line in lines)
    assert lines[-1].startswith("ain: 1 of 2 jobs failed")
    assert "Traceback" not in result.stderr
    assert Path(result.stdout.strip()).is_dir()


def one_scene_is_a_bug() -> None:
    from ain.source.miniature import MiniatureSource

    items = MiniatureSource.items

    def buggy(self: MiniatureSource) -> object:
        if self.scenes == 1:
            raise RuntimeError("a bug")
        return items(self)

    MiniatureSource.items = buggy  # type: ignore[assignment, method-assign]


def test_a_bug_in_one_job_of_a_sweep_leaves_the_others_their_table(tmp_path: Path) -> None:
    result = ain("collect", "source.scenes=1,2", "-m", f"output_dir={tmp_path}", change=one_scene_is_a_bug)
    assert result.returncode != 0
    lines = result.stderr.splitlines()
    assert any(line.startswith("source.scenes=1") and "RuntimeError: a bug" in line for line in lines), lines
    assert any(line.startswith("source.scenes=2") and "done" in line for line in lines)
    assert lines[-1].startswith("ain: 1 of 2 jobs failed")
    assert "Traceback" in result.stderr  # a bug shows its traceback


def test_two_at_once_work_once(tmp_path: Path) -> None:
    running = [Command("collect", "source.scenes=260", f"output_dir={tmp_path}") for _ in range(2)]
    results = [command.wait() for command in running]
    assert [result.returncode for result in results] == [0, 0], results
    assert results[0].stdout == results[1].stdout
    assert sum("which is making 01-collect" in result.stderr for result in results) == 1
    assert sum("ain: collect" in result.stderr for result in results) == 1


def test_settings_of_what_is_unset_by_default_may_be_typed_with_an_experiment(tmp_path: Path) -> None:
    adapters = "model.lora={rank: 8, alpha: 16, dropout: 0.0, target_modules: all-linear}"
    words = ("train", "ain/recipe", "model=miniature", "trainer=cpu", f"output_dir={tmp_path}", "dry_run=true")
    result = ain(*words, adapters)
    assert result.returncode == 0, result.stderr
    result = ain(*words, adapters.replace("rank", "ranks"))
    assert result.returncode != 0
    assert "model.lora.ranks: there is no such setting" in result.stderr


def fill_the_disk() -> None:
    from ain.storage.shards import Shards

    Shards.write = lambda *_, **__: Path("/dev/full").write_text("x" * 10**6)  # type: ignore[assignment, method-assign]


def test_a_full_disk_gets_one_sentence(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    result = ain("collect", "source.scenes=2", f"output_dir={tmp_path}", change=fill_the_disk)
    assert result.returncode != 0
    assert "no space left on the disk" in result.stderr
    assert "Traceback" not in result.stderr


def test_records_that_do_not_exist_are_refused_before_work(tmp_path: Path) -> None:
    result = ain("run", "source.scenes=2", "source.authentic=0", "records=[nobody]", f"output_dir={tmp_path}")
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1].startswith("ain: records=[nobody]: collect kept no record with such an id")
    assert [path.name.split("-")[1] for path in (tmp_path / "data").iterdir()] == ["collect"]


def test_a_finished_stage_is_said_to_be_done(tmp_path: Path) -> None:
    words = ("collect", "source.scenes=2", f"output_dir={tmp_path}")
    assert "found done" not in ain(*words).stderr
    result = ain(*words)
    assert [line for line in result.stderr.splitlines() if "found done" in line] == [
        f"ain: found done: collect ({result.stdout.strip()})"
    ]


def test_the_version_is_said_at_once() -> None:
    code = (
        "import sys; sys.argv = ['ain', '--version']; from ain.__main__ import main; main()\n"
        "print({'hydra', 'torch', 'pyarrow', 'transformers'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [f"ain {__version__}", "set()"]
