"""One job is one W&B run. Only the job's process speaks to W&B, and it opens the run only when there is something new."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ain.runtime.console import log
from ain.storage.digests import digest
from ain.tracking import written
from ain.tracking.content import Made, artifact, artifact_digest, media, scalars
from ain.tracking.curves import Row, Tail, named
from ain.tracking.note import Note
from ain.tracking.tracker import Tracker, Unpublished, library

POLL_S = 2.0


@dataclass(frozen=True)
class Description:
    """What identifies a run. folder: W&B's files go to folder/wandb, the note to folder/published.json."""

    id: str
    name: str
    group: str | None
    job_type: str
    folder: Path
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


class Run:
    """A run that is opened when its first content arrives, and continued under its id when the job is repeated.

    A step that was logged is never logged again: a training that is killed repeats the steps after its last checkpoint,
    and the curve keeps their first values.
    """

    def __init__(self, tracker: Tracker, description: Description) -> None:
        self.tracker, self.description = tracker, description
        self._note = Note(description.folder / "published.json")
        self._open: Any = None
        self._on = tracker.mode != "disabled"

    @contextmanager
    def follow(self, made: Made) -> Iterator[None]:
        """Within it, log the stage's curves as they grow."""
        if not (self._on and made.curves):
            yield
            return
        library()  # loaded before the thread starts: no process may fork from a half-loaded one
        ended = threading.Event()
        thread = threading.Thread(target=self._follow, args=(_tails(made), ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _follow(self, tails: list[Tail], ended: threading.Event) -> None:
        last = False
        while not last:
            last = ended.wait(POLL_S)
            try:
                for tail in tails:
                    self._log_rows(tail.prefix, tail.rows(), live=True)
            except Unpublished as error:
                log.warning(f"warning: {error}")
                return

    def publish(
        self,
        stages: Sequence[Made] = (),
        pages: dict[str, Path] | None = None,
        tables: dict[str, Path] | None = None,
        summary: dict[str, Any] | None = None,
        exit_code: int = 0,
    ) -> None:
        """Log what was not logged before, and close the run. pages: name → directory with tables/ and figures/."""
        if not self._on:
            return
        for tail in [tail for made in stages for tail in _tails(made)]:
            self._log_rows(tail.prefix, tail.rows())
        shown = media(stages, pages or {}, tables or {})
        numbers = scalars(stages) | (summary or {}) | {"exit_code": exit_code}
        digests = {"summary": digest([self.tracker.mode, self.tracker.project, numbers])}
        digests |= {key: one.digest for key, one in shown.items()}
        digests |= {f"artifact {made.name}": artifact_digest(made) for made in stages}
        new = {key for key, found in digests.items() if self._note.items.get(key) != found}
        if not new and self._open is None and not self._note.open:
            return
        run = self._opened()
        if content := {key: one.made() for key, one in shown.items() if key in new}:
            self._log(content)
        run.summary.update(numbers)
        for made in stages:
            if f"artifact {made.name}" in new:
                self._log_artifact(made)
        self._note.items |= digests
        self.close(exit_code)

    def close(self, exit_code: int) -> None:
        """End the run, if it is open."""
        if self._open is not None:
            self._open.finish(exit_code=exit_code)
            self._open, self._note.open = None, False
            self._note.save()

    def _log_rows(self, prefix: str, rows: list[Row], live: bool = False) -> None:
        if all(row["step"] <= self._note.steps.get(prefix, 0) for row in rows):
            return
        run = self._opened(live)  # which may know of more steps
        new = [row for row in rows if row["step"] > self._note.steps.get(prefix, 0)]
        run.define_metric(f"{prefix}/step", hidden=True)
        run.define_metric(f"{prefix}/*", step_metric=f"{prefix}/step")
        for name in {name for row in new for name in named(row, prefix) if name.startswith(f"{prefix}/loss")}:
            run.define_metric(name, step_metric=f"{prefix}/step", summary="min")
        for row in new:
            self._log(named(row, prefix))
            self._note.steps[prefix] = row["step"]

    def _log(self, content: dict[str, Any]) -> None:
        self._open.log(content, step=self._note.rows, commit=True)
        self._note.rows += 1

    def _log_artifact(self, made: Made) -> None:
        """Log an output, or name an input. W&B knows inputs only online, so the metadata name what is upstream."""
        found = artifact(made, self.tracker.upload)
        if made.used and self.tracker.mode == "online":
            self._open.use_artifact(found)
        else:
            self._open.log_artifact(found)

    def _opened(self, live: bool = False) -> Any:
        """Open the run, once. Raise Unpublished if W&B refuses it. live: also measure the machine."""
        if self._open is not None:
            return self._open
        wandb, about = library(), self.description
        from wandb.sdk.mailbox.mailbox_handle import ServerResponseError  # no wandb.Error: the service refuses

        about.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._open = wandb.init(
                id=about.id,
                name=about.name,
                group=about.group,
                job_type=about.job_type,
                tags=about.tags,
                config=about.config,
                project=self.tracker.project,
                mode=self.tracker.mode,
                dir=str(about.folder),
                resume="allow",
                reinit="create_new",
                settings=wandb.Settings(
                    console="off",
                    silent=True,
                    disable_git=True,
                    x_disable_meta=True,  # it would hold the command line, with any password in a URL
                    x_disable_stats=not live,
                ),
            )
        except (wandb.Error, ServerResponseError) as error:
            raise Unpublished(
                f"tracker={self.tracker.mode}: W&B did not open the run ({' '.join(str(error).split())}); what was made is "
                "on disk, and the same command publishes it"
            ) from None
        library()  # no process that this one starts shares the service
        self._catch_up()
        self._note.open = True
        self._note.save()
        return self._open

    def _catch_up(self) -> None:
        """Learn what a killed job has logged: from W&B's server, or from its files."""
        told = [dict(self._open.summary)]
        if self._note.open and self.tracker.mode == "offline":
            told += [row for path in written.files(self.description.folder) for row in written.rows(path)]
        for row in told:
            for name in [name for name in row if name.endswith("/step")]:
                prefix = name.removesuffix("/step")
                self._note.steps[prefix] = max(self._note.steps.get(prefix, 0), row[name])
            self._note.rows = max(self._note.rows, row.get("_step", -1) + 1)
        self._note.rows = max(self._note.rows, self._open.step)


def _tails(made: Made) -> list[Tail]:
    return [Tail(made.directory / file, prefix) for file, prefix in made.curves.items()]
