"""Read what a job measured in long format: a row a number, whatever the stages."""

from pathlib import Path
from typing import Any

from ain.pipeline.choices import default_job
from ain.pipeline.stages import STAGES
from ain.storage.manifest import is_done, read_manifest
from ain.storage.tables import Table


def long_rows(job: dict[str, Any]) -> Table:
    """Return the numbers of a job's finished stages, from the row of its job.json.

    A number has its dimensions: the option of each group of the job (translator, prompt, ...), `stage`, `metric`, and what
    the stage tells apart (model, benchmark, language, domain, ...), and then value, low and high (a 95 % interval), n
    (what it was measured on); `why`, if there is no value.
    """
    rows: Table = []
    chosen = {**default_job(), **job.get("choices", {})}
    for name, place in job.get("directories", {}).items():
        directory, stage = Path(place), STAGES[name.partition(" ")[0]]
        measures = stage.hook("measures")
        if measures and is_done(directory):
            found = measures(read_manifest(directory)["counts"], directory)
            rows += [{**chosen, "stage": stage.name, **row} for row in found]
    return rows
