"""List the files of a directory with their sizes and digests when they are written, and compare them before they are used.

The list is `files.jsonl`, a line for each file. It grows while a stage works, so a killed run's files are known too; a
file without a line counts as missing. When the stage is done, the manifest holds the digest of the list. Digests are
xxh3: they find damage, not forgery.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import xxhash

from ain.storage.damage import Damaged
from ain.storage.files import replace_file, replace_text
from ain.storage.manifest import MARKER, read_manifest, write_manifest

LISTING = "files.jsonl"
_BLOCK = 1 << 20
_DEPTH = 4  # directories between a file and its list, at most
_THREADS = 4  # that read the files of a checkpoint
_STAGE = re.compile(r"\d\d-[a-z_]+-[0-9a-f]{12}")  # the name of a stage's directory
_Stat = tuple[int, int]
_compared: dict[str, _Stat] = {}  # file → size and time when this process compared it
_loaded: dict[Path, tuple[Any, "Listing"]] = {}


@dataclass(frozen=True)
class Entry:
    """One file. rows: of a shard. columns: digest of a shard of images without the images, which are named by theirs."""

    file: str
    bytes: int
    digest: str
    rows: int | None = None
    columns: str | None = None

    @property
    def line(self) -> str:
        text = json.dumps({name: value for name, value in asdict(self).items() if value is not None})
        return f"{text}\t{xxhash.xxh3_64_hexdigest(text.encode())}"


def file_digest(path: Path) -> str:
    found, block = xxhash.xxh3_128(), bytearray(_BLOCK)
    view = memoryview(block)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(block):
            found.update(view[:count])
    return found.hexdigest()


class Listing:
    """The list of a directory. root: where its files are, if not in the directory that holds the list."""

    def __init__(self, directory: Path, root: Path | None = None) -> None:
        self.directory, self.root = directory, root or directory
        self.entries: dict[str, Entry] = {}
        text = self._text()
        for line in filter(None, text.split("\n")):
            content, _, check = line.rpartition("\t")
            if check != xxhash.xxh3_64_hexdigest(content.encode()):
                continue  # its write was cut short: the file counts as missing
            entry = Entry(**json.loads(content))
            self.entries[entry.file] = entry
            if entry.bytes < 0:
                del self.entries[entry.file]

    def _text(self) -> str:
        path = self.directory / LISTING
        manifest = read_manifest(self.directory) if (self.directory / MARKER).exists() else {}
        if "files" not in manifest:  # not done yet, or made by an earlier version
            return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        if not path.exists():
            raise self.damaged(path, "missing")
        text = path.read_text(encoding="utf-8", errors="replace")
        if xxhash.xxh3_128_hexdigest(text.encode()) != manifest["files"]["digest"]:
            raise self.damaged(path, "its content has changed")
        return text

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def entry(self, path: Path) -> Entry | None:
        return self.entries.get(self.name(path))

    def add(self, path: Path, rows: int | None = None, columns: str | None = None) -> None:
        """List a file that was just written; it is read back, most likely from the page cache."""
        entry = Entry(self.name(path), path.stat().st_size, file_digest(path), rows, columns)
        _compared[str(path)] = _stat(path)
        self._append(entry)
        self.entries[entry.file] = entry

    def forget(self, path: Path) -> None:
        """Take a file off the list, because it is about to be written again."""
        if self.entries.pop(self.name(path), None):
            self._append(Entry(self.name(path), -1, ""))

    def _append(self, entry: Entry) -> None:
        with open(self.directory / LISTING, "a", encoding="utf-8") as file:
            file.write(f"\n{entry.line}")  # the line break comes first: a line that was cut short then stays alone
        _loaded[self.directory] = (_signature(self.directory), self)

    def check_size(self, entry: Entry) -> None:
        """Raise Damaged for a file that is missing, cut short or too long."""
        path = self.root / entry.file
        try:
            size = path.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            raise self.damaged(path, "missing") from None
        if size != entry.bytes:
            raise self.damaged(path, f"{size:,} bytes instead of {entry.bytes:,}")

    def check_sizes(self) -> None:
        """Compare the sizes of all shards."""
        for entry in self.entries.values():
            if entry.rows is not None:
                self.check_size(entry)

    def compare(self, entry: Entry) -> None:
        """Raise Damaged for a file whose content has changed. A process reads a file for this once."""
        self.check_size(entry)
        path = self.root / entry.file
        now = _stat(path)
        if _compared.get(str(path)) == now:
            return
        if file_digest(path) != entry.digest:
            raise self.damaged(path, "its content has changed")
        _compared[str(path)] = now

    def compare_all(self, entries: Iterable[Entry] | None = None) -> None:
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(self.compare, self.entries.values() if entries is None else entries))

    def finish(self) -> dict[str, Any]:
        """List all files of the finished directory and return what its manifest is to say of them."""
        self.check_sizes()
        for path in _files(self.root):
            entry = self.entry(path)
            if entry is None or (
                entry.rows is None and _compared.get(str(path)) != _stat(path)
            ):  # new, or written again
                self.entries[self.name(path)] = Entry(self.name(path), path.stat().st_size, file_digest(path))
        found = [self.entries[name] for name in sorted(self.entries) if (self.root / name).exists()]
        text = "".join(f"{entry.line}\n" for entry in found)
        replace_text(self.directory / LISTING, text)
        total = sum(entry.bytes for entry in found)
        return {"listed": len(found), "bytes": total, "digest": xxhash.xxh3_128_hexdigest(text.encode())}

    def damaged(self, path: Path, why: str) -> Damaged:
        return Damaged(path, why, f"delete {self.root} and run the same command, which makes it again", self.directory)


def mark_done(directory: Path, manifest: dict[str, Any], root: Path | None = None) -> None:
    """Write the manifest as a stage's last step: a directory that has one is never made again. Delete half-written
    files of killed processes, and list all others. root: where the files are, if not in the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for torn in directory.rglob(".*.*"):
        if torn.suffix[1:].isdecimal() and torn.is_file():
            torn.unlink()
    (directory / MARKER).unlink(missing_ok=True)  # the list that it vouches for is written anew
    listed = (listing_of(directory) if root is None else Listing(directory, root)).finish()
    write_manifest(directory, manifest | {"files": listed})


def listing_of(directory: Path) -> Listing:
    """Return the list in a directory, as it is now; an empty one if there is none."""
    signature = _signature(directory)
    known = _loaded.get(directory)
    if known is None or known[0] != signature:
        known = _loaded[directory] = (signature, Listing(directory))
    return known[1]


def nearest(directory: Path) -> Listing | None:
    """Return the list that covers a directory: its own or that of one above it, if there is any."""
    for above in (directory, *list(directory.parents)[: _DEPTH - 1]):
        if (above / LISTING).exists() or (_STAGE.fullmatch(above.name) and (above / MARKER).exists()):
            return listing_of(above)
    return None


def verified(path: Path) -> Path:
    """Return the path of a file once its content was compared with the list. Raise Damaged if it is not as it was
    written. What no list covers passes."""
    listing = nearest(path.parent)
    if listing and (entry := listing.entry(path)):
        listing.compare(entry)
    return path


def verified_tree(directory: Path) -> Path:
    """Return a directory, such as a checkpoint's, once all listed files in it were compared."""
    if listing := nearest(directory):
        below = f"{listing.name(directory)}/" if directory != listing.root else ""
        listing.compare_all(entry for entry in listing.entries.values() if entry.file.startswith(below))
    return directory


def replace_listed(path: Path, write: Any, rows: int | None = None) -> None:
    """Write a file whole or not at all, and list it. Until it is listed it counts as missing."""
    listing = nearest(path.parent)
    if listing:
        listing.forget(path)
    replace_file(path, write)
    if listing:
        listing.add(path, rows)


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if not hidden and path.is_file() and path.name not in (LISTING, MARKER):
            yield path


def _stat(path: Path) -> _Stat:
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def _signature(directory: Path) -> list[_Stat | None]:
    files = (directory / LISTING, directory / MARKER)
    return [_stat(file) if file.exists() else None for file in files]
