"""What inspects and counts the batches of a user's own loader."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from bench.workloads.audit.content_inspector import ContentInspector
from bench.workloads.audit.index_inspector import FormInspector, IndexInspector
from bench.workloads.audit.loader_watch import LoaderWatch
from bench.workloads.audit.sample_hashes import HashInspector
from loaders.ring.in_memory_loader import InMemoryLoader
from loaders.spec.epoch_contents import EpochContents
from loaders.spec.source_facts import SourceFacts
from tests.bench.workloads.own.own_datasets import Numbers, Stream, loader_of


class Halving(DataLoader):
    """A DataLoader that delivers two batches for each that it asks for."""

    def __iter__(self) -> Any:
        for pictures, labels in super().__iter__():
            yield from zip(pictures.split(2), labels.split(2), strict=True)


def watch(loader: Any, **known: Any) -> LoaderWatch:
    source = loader.loader if isinstance(loader, InMemoryLoader) else loader
    return LoaderWatch(loader, source, SourceFacts("dataloader", None, **known))


SAME, VARYING = {"same_samples": True}, {"same_samples": False}
HASHED = {"alone": EpochContents(40, digest="ab")}


@pytest.mark.parametrize(
    ("loader", "known", "inspector"),
    [
        (loader_of(Numbers()), SAME, ContentInspector),
        (InMemoryLoader(loader_of(Numbers()), num_workers=0), SAME, ContentInspector),
        (loader_of(Numbers()), VARYING, FormInspector),
        (loader_of(Numbers()), {}, FormInspector),
        (loader_of(Stream()), HASHED, HashInspector),
        (loader_of(Stream()), {}, IndexInspector),
        ([torch.zeros(2)], {}, IndexInspector),
        (Halving(Numbers(), batch_size=4), SAME, IndexInspector),
    ],
)
def test_each_loader_is_inspected_as_far_as_it_can_be(loader, known, inspector) -> None:
    """Within a timed epoch only indices are kept."""
    watched = watch(loader, **known)
    assert type(watched.make_inspector(in_full=False)) is IndexInspector
    assert type(watched.make_inspector(in_full=True)) is inspector


def test_batches_that_a_loader_remakes_are_counted_by_their_form() -> None:
    """Nobody knows which indices are theirs."""
    loader = Halving(Numbers(), batch_size=4)
    watched = watch(loader, **SAME)
    assert [watched.count(batch) for batch in loader] == [2] * 10
    assert watched.make_inspector(in_full=True).observe(10, 20).asked is None
