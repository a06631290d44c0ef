"""The network."""

from __future__ import annotations

from torch import nn


def make_model(classes: int) -> nn.Module:
    """Return a small convolutional network over pictures, float32 (B, 3, 96, 96).

    Args:
        classes: number of classes.
    """
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=4),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, classes),
    )
