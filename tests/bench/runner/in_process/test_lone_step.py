"""A step that the first rank runs alone must not wait for the others."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from bench.loader_tuning import tune_loader_with_report
from bench.runner.in_process import lone_step
from bench.runner.in_process.lone_step import WaitingStepError, refuse_waiting_models


class DistributedDataParallel(nn.Module):
    """It has the name of torch's own, and waits for nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.Linear(1, 1)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.module(batch)


@pytest.fixture
def two_ranks(monkeypatch) -> None:
    # Only there: PyTorch's own loaders would look for a process group.
    two = SimpleNamespace(is_available=lambda: True, is_initialized=lambda: True, get_world_size=lambda: 2)
    monkeypatch.setattr(lone_step, "distributed", two)


@pytest.fixture
def step() -> Callable[[torch.Tensor], object]:
    model = DistributedDataParallel()
    return lambda batch: model(batch.float().view(-1, 1)).sum().backward()


@pytest.mark.usefixtures("two_ranks")
def test_the_model_of_all_ranks_in_a_step(step) -> None:
    """The loader stays as given, and the line says what to do."""
    given = DataLoader(list(range(40)), batch_size=4)
    loader, tuning = tune_loader_with_report(given, 5, step=step, cache=False)
    assert loader is given
    assert "its step runs a DistributedDataParallel, which waits for the other ranks" in tuning.summary
    assert "copy.deepcopy(model.module)" in tuning.summary
    # The training itself may call it.
    step(torch.arange(4))


@pytest.mark.usefixtures("two_ranks")
def test_which_models_wait() -> None:
    """A plain one doesn't, and synchronised statistics do while they are computed."""
    batch = torch.zeros(2, 1, 2)
    with refuse_waiting_models():
        nn.Linear(2, 2)(batch)
        nn.SyncBatchNorm(1).eval()(batch)
        with pytest.raises(WaitingStepError, match="runs a SyncBatchNorm"):
            nn.SyncBatchNorm(1)(batch)


def test_a_single_rank_waits_for_nobody(step) -> None:
    """Nothing is refused."""
    with refuse_waiting_models():
        step(torch.arange(4))
