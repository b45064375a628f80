"""`ain retry translate`: ask again for translations that were rejected, and keep all others.

Directories are named by fingerprints, so nothing is taken back: the verb writes which records are asked again and how
often, and runs the stage with that file as `retry=FILE`. Answers of another attempt have other keys in the
ledger, so earlier ones stay there and whatever was asked is not asked twice.
"""

import shlex
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ain import UserError
from ain.cli.parser import Parser

_ABOUT = """\
Ask again for the translations that were rejected: by translate itself and, if select of this job is finished, by its
rules on translations and by people. Give the settings of the job, as you gave them to `ain run` or `ain translate`:

  ain retry translate SETTINGS dry_run=true             how many, why, and what it costs
  ain retry translate SETTINGS reason=similarity        only those with such a reason: a rule or how the reason begins
  ain run SETTINGS retry=FILE                           go on with the new translations; the verb prints FILE
  ain retry translate SETTINGS retry=FILE               ask once more for what is still rejected

The new requests are sent with a temperature of at least 0.7, because at 0 the answers would be the same. The cost cap
applies to them as to all others. Settings are key=value, and an experiment's name."""


@dataclass(frozen=True)
class Found:
    """What is asked again. attempts: id → attempt, those of earlier retries too. rejected, chosen: id → reasons, of all
    rejected translations and of those to ask for again. judge: the directory of the stage that rejected them."""

    attempts: dict[str, int]
    rejected: dict[str, list[str]]
    chosen: dict[str, list[str]]
    judge: Path
    dry_run: bool


def main(words: list[str]) -> None:
    parser = Parser("retry", _ABOUT)
    parser.add_argument("stage", metavar="translate", choices=("translate",), help="the stage that asks again")
    parser.add_argument("settings", metavar="SETTING", nargs="*", help="reason=WORD,WORD and the settings of the job")
    given = parser.read(words)
    settings = [*given.settings, *(word for word in words if word.startswith("output_dir="))]
    reasons = [name for word in settings if word.startswith("reason=") for name in word[7:].split(",") if name]
    settings = [word for word in settings if not word.startswith("reason=")]

    from ain.cli.in_process import composed, run
    from ain.metrics.verdicts import PERSON
    from ain.review.attempts import write
    from ain.runtime.console import log, results

    out = results()
    with tempfile.TemporaryDirectory(prefix="ain-retry-") as nowhere:
        with composed(given.stage, settings, nowhere) as cfg:
            found = _found(cfg, reasons)
        if not found.chosen:
            log.info(f"nothing to retry: {found.judge} rejects no translation")
            print(found.judge, file=out, flush=True)
            return
        log.info(
            f"retry: {len(found.chosen):,} of {len(found.rejected):,} rejected translations are asked for again: "
            f"{_counted(found.chosen)}"
        )
        if people := sum(any(reason.startswith(PERSON) for reason in of) for of in found.chosen.values()):
            log.info(
                f"retry: a person rejected {people:,} of them; remove their rows from overrides=FILE before you go on, "
                "because its verdicts apply to the new translations too"
            )
        file = write(found.attempts, Path(nowhere) if found.dry_run else given.output_dir / "retries")
        settings = [word for word in settings if not word.startswith("retry=")]
        directory = run(given.stage, [*settings, f"retry={file}"]).directory
    if directory is None:  # a dry run
        return
    log.info(f"to go on with the new translations: ain run {shlex.join([*settings, f'retry={file}'])}")
    print(directory, file=out, flush=True)


def _found(cfg: Any, wanted: list[str]) -> Found:
    """Return what to ask again, as the last finished stage that judges translations says."""
    from ain.pipeline.build import build
    from ain.pipeline.graph import Graph
    from ain.pipeline.job_settings import check_settings
    from ain.pipeline.keys import refuse_unknown_keys
    from ain.pipeline.runner import plain_build
    from ain.pipeline.runner import wanted as arguments
    from ain.pipeline.stages import STAGES

    refuse_unknown_keys(cfg)
    check_settings(cfg)
    asked, *judges = Graph(cfg, [stage for stage in STAGES.values() if stage.hook("again")]).targets
    check = asked.stage.hook("check_again")
    check(**arguments(check, asked, plain_build))
    if not asked.done:
        raise UserError(
            f"{asked.stage.name} of this job is not finished, so nothing is rejected yet; run ain {asked.stage.name} with "
            "the same settings first"
        )
    judge = next((node for node in judges if node.done and asked in node.follows()), asked)
    rejected = dict(judge.stage.hook("again")(judge.directory))
    chosen = {name: of for name, of in rejected.items() if not wanted or any(_matches(one, wanted) for one in of)}
    if rejected and not chosen:
        raise UserError(
            f"reason={','.join(wanted)}: no rejected translation has such a reason; there are {_counted(rejected)}"
        )
    before = build(asked.settings["retry"]).attempts if asked.settings["retry"] else {}
    attempts = before | {name: before.get(name, 0) + 1 for name in chosen}
    return Found(attempts, rejected, chosen, judge.directory, cfg.dry_run)


def _counted(rejected: dict[str, list[str]]) -> str:
    """Return how many records have each short reason, the most frequent first."""
    counts = Counter(short for of in rejected.values() for short in {_short(reason) for reason in of})
    return ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common())


def _short(reason: str) -> str:
    return reason.removeprefix("translation: ").split(":")[0].split(" (")[0]


def _matches(reason: str, wanted: list[str]) -> bool:
    return reason.startswith(tuple(wanted)) or reason.removeprefix("translation: ").startswith(tuple(wanted))
