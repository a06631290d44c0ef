"""Checkpoints of a training."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn


def save_checkpoint(folder: Path, epoch: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write a checkpoint after an epoch.

    Args:
        folder: folder of the checkpoints.
        epoch: number of the epoch.
        model: the network.
        optimizer: its optimizer.
    """
    state = {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, folder / f"epoch-{epoch}.pt")
