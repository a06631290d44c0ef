"""DeviceTransform: what is left to do to pictures on the device."""

from __future__ import annotations

import torch

from loaders.device.resize import resize


class DeviceTransform:
    """What is left to do on the device to pictures that crossed as uint8: they are scaled, and resized.

    side: in pixels, None to leave them as they are.
    """

    def __init__(self, side: int | None) -> None:
        self._side = side

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what it makes of pictures (B, 1, H, W)."""
        return raw if self._side is None else (*raw[:2], self._side, self._side)

    def __call__(self, raw: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """float32 in [0, 1] of uint8 (B, 1, H, W), into `out` where it is given."""
        if self._side is None:
            return torch.div(raw, 255, out=out)
        images = resize(torch.div(raw[:, 0], 255), self._side, None if out is None else out[:, 0])
        return images.unsqueeze(1)
