"""Answer `ain --help` and `ain STAGE --help` from the files of conf/, without Hydra, which takes seconds to list them."""

import ast
import importlib.util
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from ain.cli.arguments import arguments
from ain.cli.verbs import VERBS
from ain.pipeline import choices
from ain.pipeline.stages import STAGES, TARGETS, Stage
from ain.runtime.paths import CONF, EXPERIMENTS

FLAGS = ("-h", "--help")
_OVERVIEW = """\
ain: English image-question data in, an Arabic-inclusive multimodal model out.

  ain run                      the whole way on the miniature, offline
  ain STAGE key=value ...      bring the pipeline up to STAGE; finished stages are reused
  ain run NAME                 a tagged experiment from experiments/
  ain STAGE -m key=a,b,c       a sweep; its jobs share what they can
  ain reproduce NAME           run an experiment, then print the paper's numbers beside ours; ain/all: all of them
  ain ... dry_run=true         print what would be made and what it costs; change nothing
  ain STAGE --help             a stage's settings and their defaults
  ain STAGE ... --cfg job      the whole config of a command

Stages
{stages}

Beside the pipeline (ain VERB --help)
{verbs}

Choices (group=option; * is the default)
{choices}

Experiments (ain run NAME)
{experiments}"""

_WHOLE = {
    "run": "run all stages, then write the report",
    "report": "run all stages, then write the report",
    "reproduce": "run an experiment, then print the paper's numbers beside ours",
    "evaluate": "ask all models the benchmark and grade the answers",
}
_EVERYWHERE = ("seed", "output_dir", "overrides", "retry", "records", "report.baseline", "dry_run")


def asks_for_help(words: list[str]) -> bool:
    return not words or any(word in FLAGS for word in words)


def help_text(words: list[str]) -> str:
    """Return the help on a command line. Raises UserError for an unknown verb."""
    words = [word for word in words if word not in FLAGS]
    if not words or words[0].startswith("-") or "=" in words[0]:
        return _overview()
    arguments(["run", *words[1:]] if words[0] == "reproduce" else words)  # refuses unknown and renamed words
    typed = dict(word.split("=", 1) for word in words[1:] if "=" in word and not word.startswith("-"))
    names = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
    return _verb(words[0], choices.defaults() | typed, names)


def _overview() -> str:
    chosen = choices.defaults()
    return _OVERVIEW.format(
        stages="\n".join(_indented(stage.name, _summary(stage)) for stage in STAGES.values()),
        verbs="\n".join(_indented(name, summary) for name, summary in VERBS.items()),
        choices="\n".join(_choices(group, chosen.get(group)) for group in choices.groups()),
        experiments=_indented("", " ".join(choices.experiments())),
    )


def _verb(verb: str, chosen: dict[str, str], names: list[str]) -> str:
    single = verb in STAGES
    stages = [STAGES[name] for name in TARGETS.get(verb, (verb,))] if single else list(STAGES.values())
    before = list({stage.name: stage for stage in _upstream(stages)}.values()) if single else []
    own = _groups_of(stages, chosen)
    other = {group for group in _groups_of(before, chosen) if group not in own}
    settings = [
        (f"{group}.{key}", each) for group in own for key, each in choices.settings(group, chosen.get(group)).items()
    ]
    common = {key: each for key, each in choices.read(CONF / "config.yaml").items() if key in _EVERYWHERE}
    return "\n".join(
        [
            f"ain {verb}: {_WHOLE.get(verb) or _summary(STAGES[verb])}",
            *(_about(name) for name in names),
            "\nChoices (group=option; * is chosen)",
            *(_choices(group, chosen.get(group)) for group in own),
            *([f"\nChoices of the stages before it ({', '.join(stage.name for stage in before)})"] if other else []),
            *(_choices(group, chosen.get(group)) for group in sorted(other)),
            "\nSettings of the first choices (key=value)" if single else "\nTheir settings: ain STAGE --help",
            *(_setting(key, each) for key, each in settings if single),
            "\nSettings of every command",
            *(_setting(key, each) for key, each in common.items()),
        ]
    )


def _groups_of(stages: Iterable[Stage], chosen: dict[str, str]) -> list[str]:
    """Return the groups that the stages read, with those that their options refer to, as a translator to ${prompt}."""
    groups = {group.split(".")[0] for stage in stages for group in stage.reads + stage.uses}
    values = [each.value for group in groups for each in choices.settings(group, chosen.get(group)).values()]
    referred = {name for value in values for name in re.findall(r"\$\{(\w+)\}", value)}
    return sorted((groups | referred) & set(choices.groups()))


def _upstream(stages: Iterable[Stage]) -> Iterator[Stage]:
    for stage in stages:
        for name in stage.after + stage.per_part + stage.per_pair:
            yield from (*_upstream([STAGES[name]]), STAGES[name])


def _summary(stage: Stage) -> str:
    """Return the first sentence of the stage's module, which is not imported, since it loads heavy libraries."""
    spec = importlib.util.find_spec(stage.module)
    assert spec
    assert spec.origin
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    text = re.sub(r" \((Section|Fig)[^)]*\)", "", " ".join(text.split()))  # references to the paper
    sentence = re.split(r"[.;:] ?(?=\s|$)", text.partition(": ")[2], maxsplit=1)[0]
    return _WHOLE.get(stage.name) or sentence[0].lower() + sentence[1:]


def _about(name: str) -> str:
    """Return the comments at the top of an experiment: its question, command and expected result."""
    lines = (
        (EXPERIMENTS / f"{name}.yaml").read_text(encoding="utf-8").splitlines() if name in choices.experiments() else []
    )
    return "\n".join(line[2:] for line in lines if line.startswith("# ") and "@package" not in line) + "\n"


def _choices(group: str, option: str | None) -> str:
    return _indented(group, " ".join(f"*{name}" if name == option else name for name in choices.options(group)))


def _setting(key: str, setting: choices.Setting) -> str:
    return _indented(f"{key}={setting.value}", setting.comment, 44)


def _indented(name: str, text: str, width: int = 18) -> str:
    """Return `name` in a column of its own and the text behind it, wrapped at 120 characters."""
    head = f"  {name:<{width}} " if name else "  "
    first = head if len(head) <= width + 3 else f"{head}  "
    after = " " * (width + 3 if name else 2)
    return textwrap.fill(text, 120, initial_indent=first, subsequent_indent=after).rstrip() or first.rstrip()
