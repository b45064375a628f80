"""Resolve the names of checkpoints: a directory, a hub id (`org/name` or `org/name@revision`), `miniature:NAME?seed=N`,
or `package:MODULE/FOLDER or HUB_ID` for weights in a Python package, with the hub id where it is not installed.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ain import Unavailable, UserError
from ain.storage.digests import content_digest
from ain.storage.listing import verified_tree
from ain.storage.revisions import commit

MINIATURE = "miniature:"
PACKAGE = "package:"
NOT_FOR_TORCH = ["*.h5", "*.msgpack", "*.ot", "*.onnx", "onnx/*", "openvino/*", "*.gguf", "*.tflite"]


def identity(name: str) -> Any:
    """Return what enters a fingerprint: a directory's content digest, a hub id and commit, or a miniature's recipe.

    Raise UserError for any other name, before any work is done.
    """
    if name.startswith(MINIATURE):
        from ain.miniature.recipe import Recipe

        return Recipe.parse(name).identity()
    name = _packaged(name)
    if Path(name).is_dir():
        return content_digest(Path(name))
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise UserError(
            f"{name}: no such directory; give a checkpoint's directory or a hub id such as Qwen/Qwen2-VL-2B-Instruct"
        )
    repository, _, revision = name.partition("@")
    return f"{repository}@{commit(repository, revision or 'main') or revision or 'main'}"


def locate(name: str, output_dir: Path) -> str:
    """Return a local directory for `from_pretrained`. Download what is missing, or train it if it is a miniature. Raise
    Damaged for one that a stage wrote and that has changed since."""
    if name.startswith(MINIATURE):
        from ain.miniature.checkpoints import trained
        from ain.miniature.recipe import Recipe

        return str(trained(Recipe.parse(name), output_dir / "checkpoints"))
    name = _packaged(name)
    return str(verified_tree(Path(name))) if Path(name).is_dir() else _download(name)


def train_ahead(names: Iterable[str], output_dir: Path) -> None:
    """Train those that are miniatures and do not exist, side by side."""
    tiny = [name for name in names if name.startswith(MINIATURE)]
    if len(tiny) > 1:
        from ain.miniature import ahead
        from ain.miniature.recipe import Recipe

        ahead.train_ahead([Recipe.parse(name) for name in tiny], output_dir / "checkpoints")


def here(name: str, output_dir: Path) -> str:
    """Return the local directory if it exists, else the name as given. Download and train nothing."""
    if not name.startswith(MINIATURE):
        return _packaged(name)
    from ain.miniature.recipe import Recipe

    made = output_dir / "checkpoints" / Recipe.parse(name).identity()
    return str(made) if made.is_dir() else name


def _packaged(name: str) -> str:
    """Return the folder in the Python package, or the name after `or` if the package is not installed."""
    inside, _, otherwise = name.removeprefix(PACKAGE).partition(" or ")
    if not name.startswith(PACKAGE):
        return name
    module, _, folder = inside.partition("/")
    spec = find_spec(module)
    return (
        str(Path(spec.submodule_search_locations[0]) / folder)
        if spec and spec.submodule_search_locations
        else otherwise
    )


def _download(name: str) -> str:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    from tqdm.auto import tqdm

    repository, _, revision = name.partition("@")
    pinned = commit(repository, revision or "main") or revision or None
    try:
        return snapshot_download(repository, revision=pinned, ignore_patterns=NOT_FOR_TORCH, tqdm_class=tqdm)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        if "gated" in type(error).__name__.lower() or "gated" in str(error).lower():
            raise Unavailable(
                f"{name}: accept its licence first: https://huggingface.co/{repository}, then set HF_TOKEN"
            ) from None
        reason = str(error).splitlines()[0]
        raise Unavailable(
            f"{name}: cannot be fetched ({reason}); check the name and the network, or give a local directory instead"
        ) from None
