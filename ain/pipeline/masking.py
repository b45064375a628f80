"""Mask secrets in what was typed, before it is written anywhere."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ain.storage.files import replace_text

_LOGIN = re.compile(r"//[^/@\s]+@")  # in a URL: https://user:password@host
_QUERY = re.compile(r"([?&][\w-]*(?:key|token|secret|password|signature|sig)=)[^&\s\"']+", re.I)
_KEY = re.compile(r"\b(?:sk-|pk-|xai-|hf_|gsk_|ghp_|AIza)[\w-]{16,}")  # as providers make them
_SECRET = re.compile(r"(?:^|[._-])(?:headers|api_key|api_key_env|token|secret|password)(?:$|\.)", re.I)
_VARIABLE = r"['\"]?[A-Z_][A-Z0-9_]*['\"]?"  # the name of an environment variable holds no secret
_NO_SECRET = re.compile(rf"null|{_VARIABLE}|{{(?:[^{{}}:,]+:\s*{_VARIABLE}\s*,?\s*)*}}")


def without_login(text: str) -> str:
    return _LOGIN.sub("//***@", text)


def _unkeyed(text: str) -> str:
    return _KEY.sub("***", _QUERY.sub(r"\1***", without_login(text)))


def masked(text: str) -> str:
    """Return a word of a command, or a message, without logins, keys and values of headers."""
    text = _unkeyed(text)
    key, _, value = text.partition("=")
    if " " in key or not _SECRET.search(key) or _NO_SECRET.fullmatch(value):
        return text
    return f"{key}=***"


def masked_values(value: Any) -> Any:
    """Return the value with all its texts masked."""
    if isinstance(value, dict):
        return {name: masked_values(one) for name, one in value.items()}
    if isinstance(value, list):
        return [masked_values(one) for one in value]
    return masked(value) if isinstance(value, str) else value


def mask_files(paths: Iterable[Path]) -> None:
    """Mask the texts of files that Hydra has written: a URL in a command may hold a login."""
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if (clean := _unkeyed(text)) != text:
            replace_text(path, clean)
