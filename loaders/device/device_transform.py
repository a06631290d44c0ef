"""DeviceTransform: the work on pictures that is left to the device."""

from __future__ import annotations

import torch

from loaders.device.resize import resize

# A float32 tensor: divided by a Python number, whole numbers would take torch's default dtype.
WHITE = torch.tensor(255, dtype=torch.float32, device="cpu")


class DeviceTransform:
    """Scaling and resizing on the device, for pictures that were copied there as uint8.

    Args:
        side: side of the resized pictures in pixels; None keeps their size.
    """

    def __init__(self, side: int | None) -> None:
        self._side = side

    def __repr__(self) -> str:
        return f"DeviceTransform({self._side})"

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the result for pictures of the shape `raw`, (B, 1, H, W)."""
        return raw if self._side is None else (*raw[:2], self._side, self._side)

    def __call__(self, raw: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Scale pictures to [0, 1], and resize them.

        Args:
            raw: uint8 (B, 1, H, W).
            out: float32 of the result's shape, to write to; None makes it.

        Returns:
            float32 (B, 1, H, W), or (B, 1, side, side); `out` where it is given.
        """
        if self._side is None:
            return _scale(raw, out)
        images = resize(_scale(raw[:, 0]), self._side, None if out is None else out[:, 0])
        return images.unsqueeze(1)


def _scale(raw: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    return torch.div(raw, WHITE, out=out)
