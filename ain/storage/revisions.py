"""Ask the Hugging Face hub, and look into its local cache: commits of names, and sizes of what would be downloaded."""

import re
from collections.abc import Callable
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

Answer = TypeVar("Answer")


@cache
def commit(repository: str, revision: str = "main", kind: str = "model") -> str | None:
    """Return the commit of a branch, tag or commit from the local cache, else from the hub; None if neither has it.

    kind: model | dataset. The cache comes first, so that editing a model card on the hub does not change fingerprints.
    """
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    cached = _folder(repository, kind) / "refs" / revision
    if cached.is_file():
        return cached.read_text(encoding="utf-8").strip()
    return _asked(lambda hub: hub.repo_info(repository, revision=revision, repo_type=kind, timeout=10).sha)


def is_cached(repository: str) -> bool:
    """Return whether a model, of whatever commit, was downloaded."""
    return any((_folder(repository, "model") / "snapshots").glob("*/config.json"))


def has_data(repository: str) -> bool:
    """Return whether files of a data set, of whatever commit, were downloaded, not only its description."""
    found = (_folder(repository, "dataset") / "snapshots").rglob("*.*")
    return any(path.suffix not in (".md", ".gitattributes") and not path.name.startswith(".") for path in found)


def download_bytes(repository: str, revision: str | None, ignored: list[str]) -> int | None:
    """Return the size of a model's files, but for the ignored patterns; None if the hub does not tell."""
    found = _asked(lambda hub: hub.model_info(repository, revision=revision, files_metadata=True, timeout=5).siblings)
    if found is None:
        return None
    return sum(file.size or 0 for file in found if not any(fnmatch(file.rfilename, pattern) for pattern in ignored))


def weight_bytes(checkpoint: str) -> int:
    """Return the size of the weights in a directory, or of a hub id in the cache; 0 if they are not on this machine."""
    cached = _folder(checkpoint.partition("@")[0], "model").glob("snapshots/*")
    folders = [Path(checkpoint)] if Path(checkpoint).is_dir() else list(cached)
    return max((sum(file.stat().st_size for file in folder.glob("*.safetensors")) for folder in folders), default=0)


def _folder(repository: str, kind: str) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"{kind}s--{repository.replace('/', '--')}"


def _asked(ask: Callable[[Any], Answer]) -> Answer | None:
    """Return what the hub answers; None without a network, or if it has no such thing."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if constants.HF_HUB_OFFLINE:
        return None
    try:
        return ask(HfApi())
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError):
        return None
    except Exception as error:
        if type(error).__module__.startswith("httpx"):  # no network; the hub client chooses which httpx it uses
            return None
        raise
