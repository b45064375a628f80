"""`ain export DIRECTORY --to llava --out FOLDER`: write the data that a stage kept for other trainers."""

from pathlib import Path
from typing import Any

from ain import UserError
from ain.cli.parser import Parser

_ABOUT = """\
Write what a stage kept as a folder: data.json and images/. From a mix stage come the conversations to train on (with
`split`: train or validation); from a select stage the records that it kept, translated where there is a translation.
source=folder source.path=FOLDER reads the folder back."""
FORMATS = ("llava", "llamafactory")


def main(words: list[str]) -> None:
    parser = Parser("export", _ABOUT)
    parser.add_argument("what", metavar="DIRECTORY", help="a stage's directory, or a job: its name in outputs/runs")
    parser.add_argument("--to", required=True, choices=FORMATS, metavar="FORMAT", help="llava or llamafactory")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="the new folder")
    given = parser.read(words)

    from ain.runtime.console import log, results
    from ain.source.folder_writer import write_folder

    out = results()
    counts = write_folder(_rows(given.what, given.output_dir), given.out, given.to)
    log.info(f"export: {counts['records']:,} records, {counts['images']:,} images")
    print(given.out, file=out, flush=True)


def _rows(what: str, output_dir: Path) -> Any:
    from ain.pipeline.stages import STAGES
    from ain.storage.manifest import read_manifest

    directory = _directory(what, output_dir)
    manifest = read_manifest(directory)
    rows = STAGES[manifest["stage"]].hook("exported")
    if rows is None:
        raise UserError(f"{what}: {manifest['stage']} has nothing to export; give {_stages()}'s directory, or a job")
    follows = {
        name: directory.parent / above if isinstance(above, str) else above
        for name, above in manifest["follows"].items()
    }
    return rows(out=directory, follows=follows)


def _directory(what: str, output_dir: Path) -> Path:
    """Return the finished directory that was named, or the one of a job that is nearest to its training."""
    from ain.pipeline.jobs import known_row
    from ain.pipeline.stages import STAGES
    from ain.storage.manifest import is_done

    if is_done(Path(what)):
        return Path(what)
    job = next((path for path in (Path(what), output_dir / "runs" / what) if (path / "job.json").exists()), None)
    if job is None:
        raise UserError(
            f"{what}: no finished stage and no job; give {_stages()}'s directory, or a job's name in {output_dir / 'runs'}"
        )
    directories = known_row(job / "job.json").get("directories", {})
    done = [name for name in directories if name in STAGES and is_done(Path(directories[name]))]
    able = [name for name in done if STAGES[name].hook("exported")]
    if not able:
        raise UserError(f"{what}: this job made nothing to export; give one that ran {_stages()}")
    return Path(directories[able[-1]])


def _stages() -> str:
    from ain.pipeline.stages import STAGES

    return " or ".join(name for name, stage in STAGES.items() if stage.hook("exported"))
