"""Cheats: ways in which a loader delivers less than an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from loaders.data.batch import Batch


def _repeats(batches: list[Batch]) -> list[Batch]:
    for images, labels in batches:
        some = max(1, len(labels) // 100)
        images[-some:], labels[-some:] = images[:some], labels[:some]
    return batches


def _repeats_one(batches: list[Batch]) -> list[Batch]:
    (images, labels), *others = batches
    images[0], labels[0] = images[1], labels[1]
    return [(images, labels), *others]


def _one_besides(batches: list[Batch]) -> list[Batch]:
    (images, labels), *others = batches
    return [(torch.cat([images, images[:1]]), torch.cat([labels, labels[:1]])), *others]


def _swaps_labels(batches: list[Batch]) -> list[Batch]:
    (images, labels), *others = batches
    return [(images, labels.roll(1)), *others]


def _truncates(batches: list[Batch]) -> list[Batch]:
    for images, _ in batches:
        images[..., images.shape[-2] // 2 :, :] = 0
    return batches


def _of_images(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[list[Batch]], list[Batch]]:
    return lambda batches: [(change(images), labels) for images, labels in batches]


CHEATS: Mapping[str, Callable[[list[Batch]], list[Batch]]] = {
    "none": lambda batches: batches,
    "repeats": _repeats,
    "repeats-one": _repeats_one,
    "one-besides": _one_besides,
    "drops": lambda batches: batches[:-1],
    "swaps-labels": _swaps_labels,
    "truncates": _truncates,
    "range": _of_images(lambda images: images * 255),
    "dtype": _of_images(torch.Tensor.double),
    "shape": _of_images(lambda images: images.squeeze(1)),
}
