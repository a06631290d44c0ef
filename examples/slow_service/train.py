"""Train on features that a slow service delivers: a worker waits most of its time."""

from __future__ import annotations

from collections.abc import Callable
from urllib.request import ProxyHandler, build_opener

import torch
from service import FEATURES, start_service
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


class Remote(Dataset[tuple[Tensor, int]]):
    """Samples that are fetched one by one."""

    def __init__(self, url: str, samples: int) -> None:
        """Keep the address.

        Args:
            url: address of the service.
            samples: number of samples.
        """
        self.url = url
        self.samples = samples

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not 0 <= index < self.samples:
            raise IndexError(index)
        # The service is on this machine: no proxy stands before it.
        with build_opener(ProxyHandler({})).open(f"{self.url}/{index}", timeout=30) as answer:
            features = torch.frombuffer(bytearray(answer.read()), dtype=torch.float32)
        return features, int(features[0] > 0)


def train_loader(
    samples: int = 160, latency_ms: float = 10, num_workers: int = 0
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Start the service, and return the loader of batches: float32 (B, FEATURES), and int64 (B,).

    Args:
        samples: number of samples.
        latency_ms: milliseconds until the service answers.
        num_workers: worker processes.
    """
    dataset = Remote(start_service(latency_ms), samples)
    return DataLoader(dataset, batch_size=4, shuffle=True, num_workers=num_workers)


def make_step(device: str = "cpu") -> Callable[[tuple[Tensor, Tensor]], None]:
    """Return a function that trains on one batch.

    Args:
        device: `cpu` or `cuda`.
    """
    model = nn.Linear(FEATURES, 2).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(batch: tuple[Tensor, Tensor]) -> None:
        features, labels = batch
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(features), labels).backward()
        optimizer.step()

    return step


def main() -> None:
    """Train for two epochs."""
    loader, step = train_loader(), make_step()
    for _ in range(2):
        for batch in loader:
            step(batch)


if __name__ == "__main__":
    main()
