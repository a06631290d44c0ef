"""A training script whose step takes as long as it is told. It knows nothing of loaderbench."""

from __future__ import annotations

import argparse
import time

import torch
from torch.utils.data import DataLoader, TensorDataset


def work(seconds: float) -> None:
    """Keep a core busy, as a step does."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def main() -> None:
    """Run epochs, and print the length of each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--batches", type=int, default=400)
    parser.add_argument("--step-ms", type=float, default=1.0)
    parser.add_argument("--wait", action="store_true", help="wait for a line before each epoch")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    samples = 8 * arguments.batches
    dataset = TensorDataset(torch.rand(samples, 16), torch.zeros(samples, dtype=torch.int64))
    loader = DataLoader(dataset, batch_size=8, shuffle=True)
    for _ in range(arguments.epochs):
        if arguments.wait:
            input()
        began_s = time.perf_counter()
        for _points, _labels in loader:
            work(arguments.step_ms * 1e-3)
        print(time.perf_counter() - began_s, flush=True)


if __name__ == "__main__":
    main()
