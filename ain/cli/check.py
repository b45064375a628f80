"""`ain check [DIRECTORY or JOB...]`: compare files with the digests that were taken when they were written."""

import sys

from ain.cli.parser import Parser

_ABOUT = """\
Compare files with the digests that were taken when they were written: all stages, tiny checkpoints, the ledger and the
files of jobs below output_dir=DIR (outputs), or the named directories and jobs. It reads everything, prints what is damaged and
what to do, and exits with 1 if anything is. Commands compare what they use anyway."""


def main(words: list[str]) -> None:
    parser = Parser("check", _ABOUT)
    parser.add_argument(
        "names", metavar="DIRECTORY or JOB", nargs="*", help="what to compare; everything if none is given"
    )
    given = parser.read(words)

    from ain.pipeline.check import Part, compared, parts, refuse_nowhere
    from ain.pipeline.errors import sentence
    from ain.runtime.progress import progress

    if not given.names:
        refuse_nowhere(given.output_dir)
    found = list(parts(given.output_dir, given.names))
    total = sum(part.bytes for part in found if isinstance(part, Part))
    with progress("check", total=total, unit="B") as bar:
        damaged = [sentence(error) for error in compared(found, bar)]
    for said in damaged:
        print(said)
    print(f"{len(damaged):,} of {len(found):,} files damaged" if damaged else f"{len(found):,} files as written")
    if damaged:
        sys.exit(1)
