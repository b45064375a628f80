"""Qwen2.5-VL's processor, as differences from Qwen2-VL's."""

from PIL import Image

from ain.model.processor import Batch, Layout, Medium, Tokens, Unusable
from ain.model.qwen2_vl import Qwen2VLProcessor
from ain.model.qwen2_vl.positions import Box


class Qwen2_5VLProcessor(Qwen2VLProcessor):  # noqa: N801  the model's name has a dot there
    """Qwen2-VL's processor, with pairs of frames spaced in time by the checkpoint's tokens_per_second."""

    def layout(self, medium: Medium, max_pixels: int | None = None) -> Layout:
        if medium.images > 1 and not medium.fps:
            raise Unusable("video: its frame rate is unknown, which Qwen2.5-VL counts time by; give fps with the video")
        return super().layout(medium, max_pixels)

    def boxes(self, layout: Layout) -> list[Box]:
        (box,) = super().boxes(layout)
        return (
            [box._replace(interval=self.tokens_per_second * self._seconds(layout))] if layout.kind == "video" else [box]
        )

    @property
    def tokens_per_second(self) -> float:
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(self.checkpoint).vision_config.tokens_per_second

    def _seconds(self, layout: Layout) -> float:
        """Return the seconds between two pairs of frames."""
        return self.patch.frames / (layout.fps or 1.0)

    def collate(self, samples: list[Tokens], images: list[Image.Image], left: bool = False) -> Batch:
        import torch

        batch = super().collate(samples, images, left)
        videos = [layout for sample in samples for layout in sample.media if layout.kind == "video"]
        if videos:
            batch["second_per_grid_ts"] = torch.tensor([self._seconds(layout) for layout in videos])
        return batch
