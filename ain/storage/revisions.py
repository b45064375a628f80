"""Resolve a name on the Hugging Face hub to a commit."""

import re
from functools import cache
from pathlib import Path


@cache
def commit(repository: str, revision: str = "main", kind: str = "model") -> str | None:
    """Return the commit of a branch, tag or commit from the local cache, else from the hub; None if neither has it.

    kind: model | dataset. The cache comes first, so that editing a model card on the hub does not change fingerprints.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    cached = Path(constants.HF_HUB_CACHE) / f"{kind}s--{repository.replace('/', '--')}" / "refs" / revision
    if cached.is_file():
        return cached.read_text(encoding="utf-8").strip()
    if constants.HF_HUB_OFFLINE:
        return None
    try:
        return HfApi().repo_info(repository, revision=revision, repo_type=kind, timeout=10).sha
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError):
        return None
    except Exception as error:
        if type(error).__module__.startswith("httpx"):  # no network; the hub client chooses which httpx it uses
            return None
        raise
