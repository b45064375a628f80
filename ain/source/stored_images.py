"""Read images as `datasets` stores them: their bytes, or a path into the data set."""

from dataclasses import dataclass
from typing import Any

from ain.source.image_files import Files
from ain.source.parts import shown
from ain.storage.images import BadImage


@dataclass(frozen=True)
class StoredImages:
    """path: the data set's hub id or directory. files: how files of the directory are opened."""

    path: str
    files: Files

    def read(self, image: Any) -> bytes:
        """Return the bytes of an image, given as bytes, as {"bytes", "path"}, or as a path.

        Raise BadImage with the reason, OSError or ValueError if there is no such image.
        """
        held = image.get("bytes") if isinstance(image, dict) else image
        if isinstance(held, bytes) and held:
            self.files.check_size(len(held))
            return held
        path = image.get("path") if isinstance(image, dict) else image
        if not isinstance(path, str):
            raise ValueError(shown(image))
        if "://" not in path:
            return self.files.image(path)
        self._check_address(path)
        import fsspec

        with fsspec.open(path) as file:
            return self.files.read(file)

    def _check_address(self, path: str) -> None:
        """Refuse what is not part of this data set, which may be a folder or an archive of images on the hub."""
        place = path.rpartition("::")[2]
        own = place.startswith((f"hf://datasets/{self.path}@", f"hf://datasets/{self.path}/"))
        if not own and not self.files.outside:
            raise BadImage(f"file outside the data set: {path[:120]}; set {self.files.group}.outside=true to read it")
