"""DataLoaderSpec: combinations that are refused, and defaults that `resolve` fills in."""

from __future__ import annotations

import multiprocessing

import pytest

from loaders.families.torch_dataloader import TorchDataLoader


@pytest.mark.parametrize(
    ("knobs", "reason"),
    [
        ({"prefetch_factor": 4}, "prefetch_factor=4 needs workers"),
        ({"persistent_workers": True}, "persistent_workers=on needs workers"),
        ({"multiprocessing_context": "spawn"}, "multiprocessing_context=spawn needs workers"),
        ({"in_order": False}, "in_order=off needs workers"),
        ({"pin_memory": True}, "pin_memory=on needs a CUDA device"),
        ({"transfer": "prefetch"}, "transfer=prefetch needs a CUDA device"),
    ],
)
def test_an_invalid_combination_says_why(knobs, reason) -> None:
    """Knobs that PyTorch refuses or ignores are invalid, with the reason."""
    assert reason in TorchDataLoader(num_workers=0, **knobs).invalid(cuda=False)


@pytest.mark.parametrize(
    "knobs", [{"prefetch_factor": 4}, {"persistent_workers": True}, {"multiprocessing_context": "spawn"}]
)
def test_with_workers_it_is_valid(knobs) -> None:
    """These knobs are valid with workers."""
    assert TorchDataLoader(num_workers=1, **knobs).invalid(cuda=False) is None


def test_pinning_for_cuda_is_valid() -> None:
    """Pinning is valid if there is a device to feed."""
    assert TorchDataLoader(pin_memory=True).invalid(cuda=True) is None


def test_resolve_names_the_defaults() -> None:
    """With workers, `none` becomes a value; without, it stays."""
    with_workers = TorchDataLoader(num_workers=2).resolve()
    assert with_workers.prefetch_factor == 2
    assert with_workers.multiprocessing_context == multiprocessing.get_all_start_methods()[0]
    assert TorchDataLoader(num_workers=0).resolve() == TorchDataLoader(num_workers=0)


def test_resolve_keeps_given_values() -> None:
    """A given value stays."""
    spec = TorchDataLoader(num_workers=2, prefetch_factor=5, multiprocessing_context="spawn")
    assert spec.resolve() == spec


def test_knobs_reach_the_dataloader() -> None:
    """Every knob becomes the argument of its name."""
    from tests.fakes import numbered_source

    spec = TorchDataLoader(
        batch_size=7, num_workers=2, prefetch_factor=3, persistent_workers=True, in_order=False
    )
    loader = spec.build(numbered_source(20), shuffle=True, seed=0)
    for name in ("batch_size", "num_workers", "prefetch_factor", "persistent_workers", "in_order"):
        assert getattr(loader, name) == getattr(spec, name)
