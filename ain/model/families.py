"""Find the family of a checkpoint. A family's package is named as the `model_type` of its checkpoints."""

import importlib
import inspect
import json
from importlib.util import find_spec
from pathlib import Path

from ain import UserError
from ain.model.processor import Processor


def processor(checkpoint: str) -> Processor | None:
    """Return the processor for a checkpoint's directory, with its class's defaults; None if it is of no family here."""
    file = Path(checkpoint) / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{file}: broken JSON ({error.msg}); give the directory of a complete checkpoint") from None
    name = f"ain.model.{config.get('model_type')}"
    spec = find_spec(name) if str(config.get("model_type")).isidentifier() else None
    if spec is None or not spec.submodule_search_locations:  # not a package: a module such as ain.model.size
        return None
    found = vars(importlib.import_module(name)).values()
    (made,) = [one for one in found if inspect.isclass(one) and issubclass(one, Processor)]
    return made(checkpoint)  # type: ignore[call-arg, no-any-return]
