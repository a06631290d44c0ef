"""Rows: what a ring gathers from, in memory or in a mapped file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Rows:
    """What is gathered. images: uint8 (N, H, W), contiguous. labels: int64 (N,), or narrower.

    ask: whether the images are a file larger than memory, whose rows the system is asked for before their
    turn. Raises ValueError for anything else: what is gathered is read as it lies in memory.
    """

    images: torch.Tensor
    labels: torch.Tensor
    ask: bool = False

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        for name, given in (("images", images), ("labels", labels)):
            if not isinstance(given, torch.Tensor):
                raise ValueError(
                    f"{name}: found a {type(given).__name__}, expected a tensor (torch.from_numpy)"
                )
        if images.dim() == 4:
            raise ValueError(
                f"images: found {_form(images)}, expected uint8 (N, H, W), one grey channel: of (N, 1, H, W) "
                "give images[:, 0].contiguous()"
            )
        if images.dtype != torch.uint8 or images.dim() != 3 or images.numel() == 0:
            raise ValueError(f"images: found {_form(images)}, expected uint8 (N, H, W), none of them 0")
        if images.device.type != "cpu" or labels.device.type != "cpu":
            raise ValueError(f"rows on {images.device} and {labels.device}, expected the CPU's memory")
        if not images.is_contiguous():
            raise ValueError("images that are not contiguous: give images.contiguous()")
        whole = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
        if not whole or labels.shape != images.shape[:1]:
            raise ValueError(f"labels: found {_form(labels)}, expected whole numbers ({len(images)},)")

    def narrowed(self) -> Rows:
        """The same with labels in as few bytes as they need: at random, of millions each costs a look-up."""
        lowest, highest = int(self.labels.min()), int(self.labels.max())
        for dtype in (torch.uint8, torch.int16, torch.int32):
            if torch.iinfo(dtype).min <= lowest <= highest <= torch.iinfo(dtype).max:
                # numpy asks for huge pages.
                return replace(self, labels=torch.from_numpy(self.labels.to(dtype).numpy().copy()))
        return replace(self, labels=self.labels.to(torch.int64).contiguous())


def _form(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
