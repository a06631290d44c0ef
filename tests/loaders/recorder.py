"""Recorder: a train step that keeps what it finds on a simulated device."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from loaders.data.batch import Batch
from tests.loaders.late_device import LateDevice


class Recorder:
    """Step that keeps copies of the batches as the device finds them when it does the work."""

    def __init__(self, device: LateDevice) -> None:
        self.device = device
        self.images: list[torch.Tensor] = []
        self.labels: list[torch.Tensor] = []

    def __call__(self, batch: Batch) -> None:
        images, labels = map(self.device.alias, batch)

        def keep() -> None:
            self.images.append(images.clone())
            self.labels.append(labels.clone())

        self.device.launch(keep)


def record(pipeline: Iterable[Batch], device: LateDevice, epochs: int = 1, *, eager: bool = False) -> Batch:
    """Return the batches that steps see in several epochs, without a wait between them.

    Args:
        pipeline: delivers the batches.
        device: where they are delivered.
        epochs: the number of epochs.
        eager: whether the device does some work in between.
    """
    step = Recorder(device)
    for _ in range(epochs):
        for batch in pipeline:
            step(batch)
            if eager:
                device.work_a_little()
    device.synchronize()
    return torch.cat(step.images), torch.cat(step.labels)
