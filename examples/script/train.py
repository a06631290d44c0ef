"""Train a network to tell shapes. It knows nothing of loaderbench."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from utils.checkpoint import save_checkpoint
from utils.data import CLASSES, Shapes

from model import make_model


def read_arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoints", type=Path, default=Path(__file__).with_name("checkpoints"))
    return parser.parse_args()


def train(model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer) -> float:
    """Train for an epoch, and return the mean loss."""
    model.train()
    total = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader) -> float:
    """Return the share of pictures that the model tells right."""
    model.eval()
    right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in loader)
    return right / len(loader.dataset)


def main() -> None:
    """Train, evaluate, and write a checkpoint after each epoch."""
    arguments = read_arguments()
    torch.manual_seed(arguments.seed)
    arguments.checkpoints.mkdir(parents=True, exist_ok=True)
    train_loader = DataLoader(
        Shapes(0, arguments.pictures, augment=True),
        batch_size=arguments.batch_size,
        shuffle=True,
        num_workers=arguments.workers,
    )
    validation = Shapes(arguments.pictures, arguments.pictures // 10, augment=False)
    validation_loader = DataLoader(validation, batch_size=arguments.batch_size)
    model = make_model(len(CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=arguments.lr, momentum=0.9)
    print(f"before training: {evaluate(model, validation_loader):.0%} right")
    for epoch in range(1, arguments.epochs + 1):
        started = time.perf_counter()
        loss = train(model, train_loader, optimizer)
        seconds = time.perf_counter() - started
        right = evaluate(model, validation_loader)
        print(f"epoch {epoch}: loss {loss:.3f}, {right:.0%} right, {seconds:.3f} s", flush=True)
        save_checkpoint(arguments.checkpoints, epoch, model, optimizer)


if __name__ == "__main__":
    main()
