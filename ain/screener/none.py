"""No screening: every picture goes unjudged, and the manifest says so."""

from PIL import Image


class NoScreener:
    key = None

    def judge(self, images: list[Image.Image]) -> list[str]:
        return []
