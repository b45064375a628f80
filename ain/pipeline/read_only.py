"""A directory that can be read but not written, such as an archive: what is finished there can still be found."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ain import UserError
from ain.pipeline.jobs import REPORT
from ain.pipeline.stages import REPORTED
from ain.runtime.console import log
from ain.storage.listing import listing_of

if TYPE_CHECKING:
    from ain.pipeline.graph import Graph


def is_read_only(output_dir: Path) -> bool:
    return output_dir.is_dir() and not os.access(output_dir, os.W_OK)


def found_done(graph: "Graph", stage: str, job: str) -> Path:
    """Return what was asked for where nothing can be written: the report's page or the last stage's directory.

    Raise UserError if a stage is missing, or a report that was asked for.
    """
    cannot = f"output_dir={graph.output_dir}: cannot be written"
    if missing := [node.stage.name for node in graph.targets if not node.done]:
        raise UserError(
            f"{cannot}, and {', '.join(missing)} is not done; give a directory that can, with output_dir=DIR"
        )
    for node in graph.nodes:
        if node.done:
            listing_of(node.directory).check_sizes()
    page = graph.output_dir / REPORT / "jobs" / job
    if stage not in REPORTED or (page / "index.html").exists():
        log.info(f"{cannot}; everything was found done")
        return page if stage in REPORTED else graph.targets[-1].directory
    done = ", ".join(str(node.directory) for node in graph.targets)
    raise UserError(f"{cannot}, so there is no report; all stages are done: {done}")
