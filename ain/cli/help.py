"""Answer `ain --help` and `ain VERB --help` from the files of conf/, without Hydra, which takes seconds to list them."""

import ast
import importlib.util
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ain.cli.arguments import arguments
from ain.pipeline.stages import STAGES, TARGETS, Stage
from ain.runtime.paths import CONF, EXPERIMENTS

FLAGS = ("-h", "--help")
_OVERVIEW = """\
ain: English image-question data in, an Arabic-inclusive multimodal model out.

  ain run                      the whole way on the miniature, offline
  ain STAGE key=value ...      bring the pipeline up to STAGE; finished stages are reused
  ain run NAME                 a tagged experiment from experiments/
  ain STAGE -m key=a,b,c       a sweep; its jobs share what they can
  ain reproduce NAME           run an experiment, then print the paper's numbers beside ours
  ain ... dry_run=true         print what would be made and what it costs; change nothing
  ain STAGE --help             a stage's settings and their defaults
  ain STAGE ... --cfg job      the whole config of a command

Stages
{stages}

Choices (group=option; * is the default)
{choices}

Experiments (ain run NAME)
{experiments}"""

_WHOLE = {
    "run": "run all stages, then write the report",
    "report": "run all stages, then write the report",
    "reproduce": "run an experiment, then print the paper's numbers beside ours",
    "evaluate_base": "run the benchmark on the model before training",
}
_EVERYWHERE = ("seed", "output_dir", "records", "dry_run")


class Setting(NamedTuple):
    value: str
    comment: str


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
    return _verb(words[0], _defaults() | typed, names)


def _overview() -> str:
    chosen = _defaults()
    return _OVERVIEW.format(
        stages="\n".join(_indented(stage.name, _summary(stage)) for stage in STAGES.values()),
        choices="\n".join(_choices(group, chosen.get(group)) for group in _groups()),
        experiments=_indented("", " ".join(_experiments())),
    )


def _verb(verb: str, chosen: dict[str, str], names: list[str]) -> str:
    single = verb in STAGES
    stages = [STAGES[name] for name in TARGETS.get(verb, (verb,))] if single else list(STAGES.values())
    before = list({stage.name: stage for stage in _upstream(stages)}.values()) if single else []
    own = _groups_of(stages, chosen)
    other = {group for group in _groups_of(before, chosen) if group not in own}
    settings = [(f"{group}.{key}", each) for group in own for key, each in _settings(group, chosen.get(group)).items()]
    common = {key: each for key, each in _read(CONF / "config.yaml").items() if key in _EVERYWHERE}
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
    values = [each.value for group in groups for each in _settings(group, chosen.get(group)).values()]
    referred = {name for value in values for name in re.findall(r"\$\{(\w+)\}", value)}
    return sorted((groups | referred) & set(_groups()))


def _upstream(stages: Iterable[Stage]) -> Iterator[Stage]:
    for stage in stages:
        for name in stage.after + stage.per_part:
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


def _groups() -> list[str]:
    return sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name not in ("experiment", "hydra"))


def _options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _experiments() -> list[str]:
    found = (path.relative_to(EXPERIMENTS).with_suffix("") for path in EXPERIMENTS.rglob("*.yaml"))
    return sorted(name.as_posix() for name in found)


def _about(name: str) -> str:
    """Return the comments at the top of an experiment: its question, command and expected result."""
    lines = (EXPERIMENTS / f"{name}.yaml").read_text(encoding="utf-8").splitlines() if name in _experiments() else []
    return "\n".join(line[2:] for line in lines if line.startswith("# ") and "@package" not in line) + "\n"


def _defaults() -> dict[str, str]:
    found = yaml.safe_load((CONF / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    return {group: option for each in found if isinstance(each, dict) for group, option in each.items() if option}


def _settings(group: str, option: str | None) -> dict[str, Setting]:
    path = CONF / group / f"{option}.yaml"
    return _read(path) if path.exists() else {}


def _read(path: Path) -> dict[str, Setting]:
    """Return an option's settings by dotted key, those of the options that it builds on first."""
    text = path.read_text(encoding="utf-8")
    lines, found = text.splitlines(), dict[str, Setting]()
    for base in (yaml.safe_load(text) or {}).get("defaults", []):
        if isinstance(base, str) and base != "_self_":
            found |= _base(path, base)
    for key, node in _leaves(yaml.compose(text)):
        if not key.startswith(("defaults", "chat.")) and "_target_" not in key and not key.endswith("how.where"):
            value, comment = _shown(node, lines)
            found[key] = Setting(value, comment or (found[key].comment if key in found else ""))
    return found


def _base(path: Path, name: str) -> dict[str, Setting]:
    """Return the settings of `other` (same group) or of `/group/other@key`, which stand below that key."""
    place, _, at = name.partition("@")
    folder = CONF if place.startswith("/") else path.parent
    found = _read(folder / f"{place.lstrip('/')}.yaml")
    return {f"{at}.{key}": each for key, each in found.items()} if at else found


def _leaves(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        name = f"{at}{key.value}"
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _shown(node: Any, lines: list[str]) -> tuple[str, str]:
    start, end = node.start_mark, node.end_mark
    if start.line != end.line or getattr(node, "style", None) in ("|", ">"):
        return "...", ""
    return lines[start.line][start.column : end.column], lines[end.line][end.column :].partition("# ")[2]


def _choices(group: str, option: str | None) -> str:
    return _indented(group, " ".join(f"*{name}" if name == option else name for name in _options(group)))


def _setting(key: str, setting: Setting) -> str:
    return _indented(f"{key}={setting.value}", setting.comment, 44)


def _indented(name: str, text: str, width: int = 18) -> str:
    """Return `name` in a column of its own and the text behind it, wrapped at 120 characters."""
    head = f"  {name:<{width}} " if name else "  "
    first = head if len(head) <= width + 3 else f"{head}  "
    after = " " * (width + 3 if name else 2)
    return textwrap.fill(text, 120, initial_indent=first, subsequent_indent=after).rstrip() or first.rstrip()
