"""A training script as it stands in tutorials, with a clock around each epoch and nothing of this toolkit.

Run as `python bare_loop.py SAMPLES WORKERS STEP`. STEP is `autograd` or `none`. For each line of its standard
input it trains for an epoch, and prints the JSON list [wall seconds, CPU seconds of all its processes].
"""

from __future__ import annotations

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST, FashionMNIST

BATCH_SIZE = 256


class RandomFashionMNIST(FashionMNIST):
    """torchvision's FashionMNIST with random pictures, so that no file is needed."""

    def __init__(self, samples: int) -> None:
        # MNIST.__init__ would look for files; its parent keeps the transform.
        super(MNIST, self).__init__(root="", transform=transforms.ToTensor())
        random = torch.Generator().manual_seed(0)
        self.data = torch.randint(256, (samples, 28, 28), dtype=torch.uint8, generator=random)
        self.targets = torch.randint(10, (samples,), generator=random)


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of the children that it has waited for."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def main(samples: int, workers: int, step: str) -> None:
    """Train for an epoch a line of standard input, and print how long each took."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    loader = DataLoader(RandomFashionMNIST(samples), batch_size=BATCH_SIZE, shuffle=True, num_workers=workers)
    model = nn.Linear(784, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in sys.stdin:
        total = torch.zeros((), dtype=torch.float64)
        cpu_before, started = cpu_seconds(), time.perf_counter()
        for images, labels in loader:
            if step == "autograd":
                loss = nn.functional.cross_entropy(model(images.flatten(1)), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(labels)
        print(json.dumps([time.perf_counter() - started, cpu_seconds() - cpu_before]), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
