"""The example of RGB pictures: its batches, and their way to a device."""

from __future__ import annotations

import runpy

import pytest
import torch

from tests.loaders.late_device import PromptDevice
from tests.paths import ROOT

FEW = {"pictures": 20, "size": 16, "batch_size": 8}


@pytest.fixture(scope="module")
def example() -> dict:
    return runpy.run_path(str(ROOT / "examples" / "rgb_pictures" / "train.py"))


def test_an_epoch_has_every_picture(example) -> None:
    """Each class has as many, and the pictures differ from epoch to epoch."""
    loader = example["train_loader"](**FEW)
    epochs = [list(loader) for _ in range(2)]
    images, labels = (torch.cat(parts) for parts in zip(*epochs[0], strict=True))
    assert (images.shape, images.dtype, labels.dtype) == ((20, 3, 16, 16), torch.float32, torch.int64)
    assert labels.bincount().tolist() == [5, 5, 5, 5]
    assert 0 <= images.min() < images.max() <= 1
    assert not torch.equal(images, torch.cat([images for images, _ in epochs[1]]))


def test_a_step_learns(example) -> None:
    """The loss of one batch falls when the network trains on it again and again."""
    torch.manual_seed(0)
    step = example["make_step"]()
    model = next(
        cell.cell_contents for cell in step.__closure__ if isinstance(cell.cell_contents, torch.nn.Module)
    )
    images, labels = next(iter(example["train_loader"](**FEW)))
    losses = []
    for _ in range(20):
        losses.append(torch.nn.functional.cross_entropy(model(images), labels).item())
        step((images, labels))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("prefetch", [False, True])
def test_batches_reach_a_device(example, monkeypatch, prefetch) -> None:
    """All of them, on a simulated device, also in a second epoch."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("loaders.device.pipeline.CudaDevice", lambda name: PromptDevice())
    loader = example["device_loader"](prefetch=prefetch, **FEW)
    for _ in range(2):
        assert [len(labels) for _, labels in loader] == [8, 8, 4]


def test_without_a_gpu_batches_stay_in_memory(example, monkeypatch) -> None:
    """The loader is the DataLoader itself."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert isinstance(example["device_loader"](prefetch=True, **FEW), torch.utils.data.DataLoader)
