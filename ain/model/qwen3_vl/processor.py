"""Qwen3-VL's processor, as differences from Qwen2-VL's."""

from ain.model.conversation import Message
from ain.model.processor import Layout, Medium, Unusable
from ain.model.qwen2_vl import Qwen2VLProcessor
from ain.model.qwen2_vl.positions import Box


class Qwen3VLProcessor(Qwen2VLProcessor):
    """Qwen2-VL's processor, with each pair of a video's frames as a separate image after its time, `<1.5 seconds>`."""

    def prepared(self, messages: list[Message], media: list[Medium]) -> list[Message]:
        waiting = iter(media)
        made = []
        for message in messages:
            parts: list[dict[str, str]] = []
            for part in message["content"]:
                medium = next(waiting) if part["type"] in ("image", "video") else None
                parts += self._timed(medium) if medium and medium.kind == "video" else [part]
            made.append({**message, "content": parts})
        return made

    def _timed(self, video: Medium) -> list[dict[str, str]]:
        if not video.fps:
            raise Unusable("video: its frame rate is unknown, which Qwen3-VL's text needs; give fps with the video")
        both = self.patch.frames
        starts = range(0, video.images, both)
        # The mean time of a pair's first and last frame; a single last frame is used twice.
        times = [(first + min(first + both, video.images) - 1) / 2 / video.fps for first in starts]
        return [
            part for time in times for part in ({"type": "text", "text": f"<{time:.1f} seconds>"}, {"type": "video"})
        ]

    def placeholders(self, layout: Layout) -> list[int]:
        pairs = layout.shape[0]
        return [layout.tokens // pairs] * pairs

    def boxes(self, layout: Layout) -> list[Box]:
        (box,) = super().boxes(layout)
        return [box._replace(frames=1)] * box.frames
