"""A set of texts that may outgrow memory: SQLite's temporary database, which spills to disk and is gone at the end."""

import sqlite3
from hashlib import blake2b


class Seen:
    """Texts by 16-byte digests, with at most 64 MB in memory."""

    def __init__(self) -> None:
        self._texts = sqlite3.connect("", isolation_level=None)
        for line in ("pragma journal_mode=off", "pragma cache_size=-65536", "pragma temp_store=file"):
            self._texts.execute(line)
        self._texts.execute("create table seen (digest blob primary key) without rowid")

    def add(self, text: str) -> bool:
        """Add a text. Return whether it is new."""
        return self._texts.execute("insert or ignore into seen values (?)", (text_digest(text),)).rowcount == 1

    def __contains__(self, text: str) -> bool:
        return self._texts.execute("select 1 from seen where digest = ?", (text_digest(text),)).fetchone() is not None

    def __len__(self) -> int:
        return int(self._texts.execute("select count(*) from seen").fetchone()[0])


def text_digest(text: str) -> bytes:
    """Return 16 bytes."""
    return blake2b(text.encode(), digest_size=16).digest()
