"""Which commit a name on the Hugging Face hub stands for."""

import re
from functools import cache
from pathlib import Path


@cache
def commit(repository: str, revision: str = "main", kind: str = "model") -> str | None:
    """The commit of a branch, tag or commit: the one in the local cache, else the hub's; None where neither can be asked.

    kind: model | dataset. The cache comes first, so that a result does not become another one because its model's card was
    edited meanwhile.
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
        if type(error).__module__.startswith("httpx"):  # no network; which httpx it is, is the hub client's own affair
            return None
        raise
