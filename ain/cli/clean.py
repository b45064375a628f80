"""`ain clean [NAME...]`: forget the named jobs, then remove what no job refers to any more, after asking."""

import sys

from ain import UserError
from ain.cli.parser import Parser
from ain.pipeline.clean import Removal, removals, remove
from ain.pipeline.index import write_index
from ain.pipeline.jobs import NOTING, REPORT, RUNS
from ain.runtime.console import log
from ain.storage.locks import lock
from ain.storage.sizes import human

_ABOUT = """\
Remove what no job refers to any more: directories of stages, pages of the report, torn files, tiny checkpoints. With
NAMEs, forget these jobs and sweeps first. What is to go is listed before, with its size. Stored answers of language
models (the ledger), batches, and what a running job refers to are never removed. output_dir=DIR names the directory that
the runs wrote to (outputs)."""


def main(words: list[str]) -> None:
    parser = Parser("clean", _ABOUT)
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="the name of a job or sweep, or its beginning; see ain status"
    )
    parser.add_argument("--yes", action="store_true", help="remove without asking")
    parser.add_argument("--dry-run", action="store_true", help="list what would be removed, and remove nothing")
    given = parser.read(words)
    if not given.output_dir.is_dir():
        raise UserError(f"output_dir={given.output_dir}: no such directory")

    listed = removals(given.output_dir, given.names)
    if not listed:
        print(f"nothing to remove in {given.output_dir}")
        return
    sizes = {removal: removal.size for removal in listed}
    for removal, size in sizes.items():
        print(f"{human(size):>8}  {removal.paths[0]}: {removal.what}")
    print(f"{human(sum(sizes.values())):>8}  together")
    if given.dry_run or not (given.yes or _agreed()):
        return
    with lock(given.output_dir / RUNS, doing=NOTING):  # a job that starts now waits until this is over
        still = set(removals(given.output_dir, given.names))
        freed = sum(sizes[removal] for removal in listed if removal in still and _removed(removal))
    if (given.output_dir / REPORT).is_dir():
        write_index(given.output_dir)
    print(f"removed {human(freed)}")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise UserError("clean: there is no terminal to ask at, so nothing was removed; add --yes to remove this")
    try:
        return input("Remove all of this? Type yes: ").strip().lower() == "yes"
    except EOFError:
        return False


def _removed(removal: Removal) -> bool:
    try:
        remove(removal)
    except UserError as error:  # a process works there
        log.info(f"left: {error}")
        return False
    return True
