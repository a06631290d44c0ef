"""Train on samples from a slow store; with --tune, the loader's settings are found before the first epoch."""

from __future__ import annotations

import argparse
import copy
import time

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

SIDE, CLASSES = 64, 10


class StoredSamples(Dataset[tuple[Tensor, int]]):
    """Samples that lie in a store, which answers after some milliseconds."""

    def __init__(self, samples: int, latency_ms: float) -> None:
        """Keep the store's latency.

        Args:
            samples: number of samples.
            latency_ms: milliseconds until the store answers.
        """
        self.samples = samples
        self.latency_ms = latency_ms

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        time.sleep(self.latency_ms / 1000)
        label = index % CLASSES
        picture = torch.randn(3, SIDE, SIDE) * 0.5
        picture[:, label * 6 : label * 6 + 6] += 0.1
        return picture, label


def make_loader(samples: int, latency_ms: float) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return the loader of batches: float32 (B, 3, SIDE, SIDE), and int64 (B,).

    Args:
        samples: number of samples.
        latency_ms: milliseconds until the store answers.
    """
    return DataLoader(StoredSamples(samples, latency_ms), batch_size=32, shuffle=True)


def make_model() -> nn.Module:
    """Return a small convolutional network."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(32 * 16, CLASSES),
    )


def tune(
    loader: DataLoader[tuple[Tensor, Tensor]], model: nn.Module, budget_s: float
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return the loader with the settings that train fastest.

    Args:
        loader: the loader.
        model: the model, which stays as it is.
        budget_s: seconds that this may take.
    """
    from bench import tune_loader

    # Batches go through a copy, whose gradients and statistics don't matter.
    twin, loss = copy.deepcopy(model), nn.CrossEntropyLoss()

    def step(batch: tuple[Tensor, Tensor]) -> None:
        images, labels = batch
        loss(twin(images), labels).backward()

    return tune_loader(loader, budget_s, step=step)


def main() -> None:
    """Train, and print the time of each epoch and of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tune", action="store_true", help="find the loader's settings first")
    parser.add_argument("--budget", type=float, default=30, help="seconds that this may take")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--samples", type=int, default=1_600)
    parser.add_argument("--latency-ms", type=float, default=5)
    options = parser.parse_args()

    began_s = time.perf_counter()
    torch.manual_seed(0)
    model, loss = make_model(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loader = make_loader(options.samples, options.latency_ms)
    if options.tune:
        loader = tune(loader, model, options.budget)
        print(f"tuned in {time.perf_counter() - began_s:.1f} s")
    for epoch in range(options.epochs):
        epoch_s = time.perf_counter()
        for images, labels in loader:
            optimizer.zero_grad()
            value = loss(model(images), labels)
            value.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: {time.perf_counter() - epoch_s:.1f} s, loss {value.item():.3f}")
    print(f"in all {time.perf_counter() - began_s:.1f} s")


if __name__ == "__main__":
    main()
