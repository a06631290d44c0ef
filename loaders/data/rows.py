"""Rows: the samples that a ring gathers its batches from, in memory or in a mapped file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Rows:
    """Samples that a ring reads as they lie in memory.

    Attributes:
        images: uint8 (N, H, W), contiguous, on the CPU.
        labels: int64 (N,), or another integer dtype.
        ask: whether the images are a mapped file larger than memory. The ring then asks the system to read
            the rows of a batch before it needs them.

    Raises:
        ValueError: A tensor has another dtype, shape, layout or device.
    """

    images: torch.Tensor
    labels: torch.Tensor
    ask: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError unless the tensors are as the attributes say."""
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
        """Return the rows with labels in the narrowest dtype that holds them.

        Narrow labels fit the processor's cache, which matters for millions of labels at random places.
        """
        lowest, highest = int(self.labels.min()), int(self.labels.max())
        for dtype in (torch.uint8, torch.int16, torch.int32):
            if torch.iinfo(dtype).min <= lowest <= highest <= torch.iinfo(dtype).max:
                # numpy allocates huge pages.
                return replace(self, labels=torch.from_numpy(self.labels.to(dtype).numpy().copy()))
        return replace(self, labels=self.labels.to(torch.int64).contiguous())


def _form(tensor: torch.Tensor) -> str:
    """Return dtype and shape as `uint8 (3, 28, 28)`."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
