"""`ain survey build|serve|import|report`: a blind survey of the models of finished evaluations (Section 1.3 of the paper)."""

import asyncio
import re
from pathlib import Path

from ain import UserError
from ain.cli.parser import Parser

_ABOUT = """\
People choose the best of several models' answers without knowing whose they are: docs/survey.md

  ain survey build JOB --models base,tuned --questions 10 --to FOLDER
  ain survey serve FOLDER --port 8080
  ain survey import FOLDER answers.csv --map columns.yaml
  ain survey report FOLDER

Each has a --help of its own."""
_BUILD = """\
Make a survey from finished evaluations: one question for each chosen record, with its images, its ground truth and the
answer of each model. The folder holds survey.json, whose texts you may edit, and the images."""
_SERVE = """\
Serve a survey. The last line of standard output is the address. Answers are kept in FOLDER/answers.sqlite; no addresses of
participants are stored or logged. Behind a reverse proxy, name the public address with --url. Ctrl-C ends."""
_IMPORT = """\
Read answers that a form tool exported (Google Forms, Microsoft Forms: CSV or XLSX) into the survey. The map names the
columns: docs/survey.md. A row that cannot be read is rejected with its number; a row that was imported before counts once."""
_REPORT = """\
Write FOLDER/report/index.html and tables: preferences, nationalities, answers about dialects, agreement, and the paper's
numbers beside them."""


def main(words: list[str]) -> None:
    actions = {"build": _build, "serve": _serve, "import": _import, "report": _report}
    if words and words[0] in actions:
        actions[words[0]](words[1:])
        return
    parser = Parser("survey", _ABOUT)
    parser.add_argument("action", metavar="ACTION", choices=tuple(actions), help=", ".join(actions))
    parser.read(words)


def _build(words: list[str]) -> None:
    parser = Parser("survey build", _BUILD)
    parser.add_argument("names", metavar="JOB", nargs="+", help="a job, sweep or experiment, or a directory of grade")
    parser.add_argument("--to", required=True, type=Path, metavar="FOLDER", help="the new folder")
    parser.add_argument("--questions", type=int, default=10, metavar="N", help="how many to draw (10)")
    parser.add_argument("--records", metavar="ID,ID", help="these questions, in this order, instead of drawn ones")
    parser.add_argument("--models", metavar="NAME,NAME", help="the models to compare (all)")
    parser.add_argument("--language", default="ar", metavar="CODE", help="language of drawn questions (ar)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw and of the orders (0)")
    parser.add_argument(
        "--participants", type=int, metavar="N", help="invite so many, each by a personal link (anybody may take part)"
    )
    given = parser.read(words)
    for name in ("questions", "participants"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise UserError(f"--{name} {getattr(given, name)}: expected a whole number of at least 1")

    from ain.runtime.console import log, results
    from ain.survey import folder, questions
    from ain.text.languages import language

    out = results()
    folder.check_new(given.to)
    code = language(given.language).code
    found = questions.candidates(questions.evaluations(_jobs(given.names, given.output_dir), _listed(given.models)))
    if given.records:
        chosen = questions.named(found, _listed(given.records))
    else:
        chosen = questions.drawn([one for one in found if one.language == code], given.questions, given.seed)
    survey = folder.write(chosen, given.to, given.seed, given.participants)
    log.info(f"survey: {len(survey.questions)} questions, answers of {', '.join(survey.models)}")
    if given.participants:
        log.info(f"survey: {given.participants} personal links in {given.to / folder.LINKS}; give each to one person")
    print(given.to, file=out, flush=True)


def _listed(typed: str | None) -> list[str]:
    return [word.strip() for word in (typed or "").split(",") if word.strip()]


def _jobs(names: list[str], output_dir: Path) -> dict[str, list[Path]]:
    """Return job → the directories of its stages. A directory stands for itself."""
    from ain.pipeline.jobs import entries, jobs_of, named
    from ain.storage.manifest import is_done

    found: dict[str, list[Path]] = {}
    for name in names:
        if is_done(Path(name)):
            found[Path(name).name] = [Path(name)]
            continue
        for job in jobs_of(named(entries(output_dir), name)):
            found[job.job] = list(job.directories.values())
    return found


def _serve(words: list[str]) -> None:
    parser = Parser("survey serve", _SERVE)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the survey's folder")
    parser.add_argument("--port", type=int, default=8080, metavar="N", help="0: any that is free (8080)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1, this machine alone)")
    parser.add_argument("--url", help="the address that participants see, as https://survey.example.org")
    given = parser.read(words)
    if not 0 <= given.port < 65_536:
        raise UserError(f"--port {given.port}: expected a number between 0 and 65535")
    if given.url and not re.fullmatch(r"https?://[^/\s?#@]+", given.url):
        raise UserError(
            f"--url {given.url}: expected https://HOST, without a path: a survey needs a host name of its own"
        )

    from ain.runtime.console import log, results
    from ain.survey.serving import serve

    out = results()

    def ready(address: str) -> None:
        log.info("serving the survey; forms are accepted from this address alone (--url); Ctrl-C ends")
        print(given.url or address, file=out, flush=True)

    asyncio.run(serve(given.folder, given.host, given.port, given.url, ready))


def _import(words: list[str]) -> None:
    parser = Parser("survey import", _IMPORT)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the survey's folder")
    parser.add_argument("file", metavar="FILE", type=Path, help="what the form tool exported")
    parser.add_argument("--map", required=True, type=Path, metavar="FILE", help="YAML: which column holds what")
    given = parser.read(words)

    from ain.runtime.console import log, results
    from ain.survey.forms import import_form

    out = results()
    counts = import_form(given.folder, given.file, given.map)
    log.info(
        f"survey: {counts['rows']} rows, {counts['kept']} kept ({counts['repeated']} of them imported before), "
        f"{counts['rejected']} rejected"
    )
    print(given.folder, file=out, flush=True)


def _report(words: list[str]) -> None:
    parser = Parser("survey report", _REPORT)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the survey's folder")
    given = parser.read(words)

    from ain.runtime.console import results
    from ain.survey.page import write_report

    out = results()
    print(write_report(given.folder), file=out, flush=True)
