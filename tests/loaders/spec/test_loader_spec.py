"""LoaderSpec: rules for every family."""

from __future__ import annotations

import pytest

from loaders.device.chunk import Chunk
from loaders.families.tensor_slice import TensorSlice
from loaders.families.torch_dataloader import TorchDataLoader
from loaders.registry import families
from tests.fakes import numbered_source


def test_a_pipeline_to_a_device_needs_a_resolved_spec() -> None:
    """The plan of a sweep resolves every spec once; nothing does so a second time."""
    with pytest.raises(
        ValueError, match=r"transfer is None, expected blocking, .*: call resolve\(cuda=True\)"
    ):
        TorchDataLoader().pipeline(numbered_source(), device="cuda", shuffle=True, seed=0)


@pytest.mark.parametrize("name", families())
def test_a_resolved_spec_stays_as_it_is(name: str) -> None:
    """Resolving twice changes nothing."""
    for cuda in (False, True):
        resolved = families()[name]().resolve(cuda=cuda)
        assert resolved.resolve(cuda=cuda) == resolved


@pytest.mark.parametrize(("batches", "prefetch"), [(1, 2), (5, 4)])
def test_a_chunk_has_room_for_every_thread(batches: int, prefetch: int) -> None:
    """Larger batches are prefetched one for each thread and one more."""
    spec = TensorSlice(100, loader_threads=3)
    chunk = Chunk(100, batches)
    assert spec.with_chunk(chunk).batch_size == 100 * batches
    assert spec.with_chunk(chunk).prefetch_batches == prefetch


@pytest.mark.parametrize("name", families())
def test_no_family_repeats_its_order(name: str) -> None:
    """A family that does so must declare it."""
    assert not families()[name].same_order_each_epoch
