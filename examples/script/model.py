"""The network."""

from __future__ import annotations

from torch import nn


def make_model(classes: int) -> nn.Module:
    """Return a small convolutional network over pictures, float32 (B, 3, 128, 128).

    Args:
        classes: number of classes.
    """
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, classes),
    )
