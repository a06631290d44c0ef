"""Configurations as an advice changes them."""

from __future__ import annotations

from typing import Any

import pytest

from bench.plan.configuration import Configuration
from bench.plan.offer import Offer
from bench.plan.plan import PlanError
from bench.runner.explanation.changed_configuration import change_configuration
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from loaders.families.torch_dataloader import TorchDataLoader
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts

FACTS = SourceFacts(
    "dataloader", DataLoaderSettings(4, num_workers=2, prefetch_factor=3, persistent_workers=True),
    map_style=True, samples=64, batches=16, batch_samples=4, same_samples=True,
)  # fmt: skip
PARAMS = (("size", 64),)
OFFER = Offer(
    {"dataloader": OwnDataLoader(facts=FACTS), "in_memory": InMemory(facts=FACTS)},
    "dataloader",
    {"iterable": "it is a DataLoader"},
)
PRESENT = Configuration(OwnDataLoader(facts=FACTS, params=PARAMS).resolve(), "cpu", "12ms", None, 2)


def change(family: str = "dataloader", present: Configuration = PRESENT, **knobs: Any) -> Configuration:
    return change_configuration(present, OFFER, family, knobs)


def test_other_knobs_stay() -> None:
    """And so do the step and the parameters."""
    changed = change(num_workers=4)
    assert changed.spec.knobs() == {**PRESENT.spec.knobs(), "num_workers": 4}
    assert (changed.step, changed.num_threads, changed.spec.params) == ("12ms", 2, PARAMS)
    assert change(num_threads=1).num_threads == 1
    assert change(num_threads=1).spec == PRESENT.spec


def test_without_workers_their_knobs_go() -> None:
    """Also those of a family of pictures; with workers again they are PyTorch's."""
    alone = change(num_workers=0)
    assert alone.invalid() is None
    assert [alone.spec.knobs()[name] for name in ("prefetch_factor", "persistent_workers")] == [None, False]
    pictures = Configuration(
        TorchDataLoader(num_workers=2, persistent_workers=True).resolve(), "cpu", "none", None, 2
    )
    offer = Offer.for_pictures()
    without = change_configuration(pictures, offer, "torch_dataloader", {"num_workers": 0})
    assert without.spec == TorchDataLoader(num_workers=0).resolve()
    again = change_configuration(without, offer, "torch_dataloader", {"num_workers": 1})
    assert again.spec == TorchDataLoader(num_workers=1).resolve()


def test_another_family_serves_the_same_batches() -> None:
    """With the user's parameters and the present batch size."""
    changed = change("in_memory")
    assert changed.spec.family == "in_memory"
    assert (changed.spec.params, changed.spec.knobs()["batch_size"]) == (PARAMS, 4)


@pytest.mark.parametrize(
    ("family", "knobs", "line"),
    [
        ("iterable", {}, "it is a DataLoader"),
        ("gone", {}, "there is no loader family gone for this"),
        ("dataloader", {"resize": 64}, "dataloader has no resize"),
        ("dataloader", {"pin_memory": True}, "pin_memory=on needs a CUDA device to feed"),
        ("dataloader", {"multiprocessing_context": "thread"}, "does not exist on this platform"),
    ],
)
def test_what_cannot_be_made_is_one_line(family, knobs, line) -> None:
    """Which names the reason."""
    with pytest.raises(PlanError, match=line):
        change(family, **knobs)
