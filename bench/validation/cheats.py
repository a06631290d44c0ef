"""Cheats: ways in which a loader delivers less than an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from loaders.data.batch import Batch


def _repeat(batches: list[Batch]) -> list[Batch]:
    for images, labels in batches:
        some = max(1, len(labels) // 100)
        images[-some:], labels[-some:] = images[:some], labels[:some]
    return batches


def _repeat_one(batches: list[Batch]) -> list[Batch]:
    (images, labels), *others = batches
    images[0], labels[0] = images[1], labels[1]
    return [(images, labels), *others]


def _add_one(batches: list[Batch]) -> list[Batch]:
    (images, labels), *others = batches
    return [(torch.cat([images, images[:1]]), torch.cat([labels, labels[:1]])), *others]


def _swap_labels(batches: list[Batch]) -> list[Batch]:
    (images, labels), *others = batches
    return [(images, labels.roll(1)), *others]


def _truncate(batches: list[Batch]) -> list[Batch]:
    for images, _ in batches:
        images[..., images.shape[-2] // 2 :, :] = 0
    return batches


def _change_images(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[list[Batch]], list[Batch]]:
    return lambda batches: [(change(images), labels) for images, labels in batches]


# Each takes the batches of an honest epoch and returns those of a cheat.
CHEATS: Mapping[str, Callable[[list[Batch]], list[Batch]]] = {
    "none": lambda batches: batches,
    "repeats": _repeat,
    "repeats-one": _repeat_one,
    "one-besides": _add_one,
    "drops": lambda batches: batches[:-1],
    "swaps-labels": _swap_labels,
    "truncates": _truncate,
    "range": _change_images(lambda images: images * 255),
    "dtype": _change_images(torch.Tensor.double),
    "shape": _change_images(lambda images: images.squeeze(1)),
}
