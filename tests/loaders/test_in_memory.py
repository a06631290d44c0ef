"""in_memory: which datasets it serves, its knobs, and the code that makes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from loaders.data.decoded_samples import DecodedSamples, usable_cores
from loaders.families.in_memory import InMemory
from loaders.spec.sample_facts import SampleFacts
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts

NUMBERS = TensorDataset(torch.arange(50.0).view(-1, 2), torch.arange(25))
FACTS = SourceFacts(
    "dataloader",
    DataLoaderSettings(batch_size=4),
    map_style=True,
    same_samples=True,
    sample=SampleFacts(25, 16, 1e-5, 59),
)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (FACTS, None),
        (replace(FACTS, kind="dataset"), None),
        (SourceFacts("iterable", None), "the target is no Dataset, and no DataLoader that can be set"),
        (replace(FACTS, kind="script"), "the target is no Dataset, and no DataLoader that can be set"),
        (replace(FACTS, map_style=False), "the dataset is iterable: samples have no index"),
        (replace(FACTS, same_samples=None), "it isn't known whether samples are always the same"),
        (replace(FACTS, same_samples=False, differing="random transforms"), "random transforms"),
        (replace(FACTS, differing="they take 12 GiB, 8 GiB are free"), "they take 12 GiB, 8 GiB are free"),
    ],
)
def test_which_datasets_it_serves(facts: SourceFacts, reason: str | None) -> None:
    """The reason is told; a sweep tells it unasked only of map-style datasets."""
    assert InMemory.refuse(facts) == reason
    is_own = facts.kind != "script" and facts.map_style
    assert InMemory.leave_out(facts) == (reason if is_own else None)


def test_long_decoding_is_not_measured_unasked() -> None:
    """It is served when it is named."""
    samples = 3_000 * usable_cores()
    slow = replace(FACTS, sample=SampleFacts(samples, 16, 0.02, 59))
    assert InMemory.refuse(slow) is None
    reason = InMemory.leave_out(slow)
    assert reason == "decoding takes about 60 s; --family dataloader,in_memory measures it"
    assert InMemory.leave_out(replace(slow, sample=replace(slow.sample, sample_s=0.009))) is None


@pytest.mark.parametrize(
    ("values", "cuda", "reason"),
    [
        ({}, False, None),
        ({"pin_memory": True}, False, "pin_memory=on needs a CUDA device to feed"),
        (
            {"pin_memory": True, "copy": True},
            True,
            "pin_memory=on pins the ring, copy=on delivers none of it",
        ),
        ({"batch_size": 8}, False, None),
        ({"transfer": "blocking"}, False, "transfer=blocking needs a CUDA device to feed"),
    ],
)
def test_knobs_that_can_not_be_combined(values: dict, cuda: bool, reason: str | None) -> None:
    """The reason names the knobs."""
    assert InMemory(FACTS).with_knobs(values).invalid(cuda=cuda) == reason


def test_the_batch_size_of_a_sampler_of_ones_own() -> None:
    """It can't be varied, and stays when nothing is given."""
    facts = replace(FACTS, has_own_batches=True)
    assert InMemory(facts).invalid(cuda=False) is None
    assert InMemory(facts, batch_size=4).invalid(cuda=False) is None
    assert InMemory(facts, batch_size=8).invalid(cuda=False) == (
        "batch_size: the batches are not made by PyTorch's BatchSampler"
    )


def test_values_that_are_taken_for_none() -> None:
    """The batch size is the user's. Beside a GPU batches are page-locked, unless they are copies."""
    here, there = InMemory(FACTS).resolve(), InMemory(FACTS).resolve(cuda=True)
    assert (here.batch_size, here.pin_memory, here.transfer) == (4, False, None)
    assert (there.batch_size, there.pin_memory, there.transfer) == (4, True, "non_blocking")
    copying = InMemory(FACTS, copy=True).resolve(cuda=True)
    assert (copying.pin_memory, copying.transfer) == (False, "blocking")
    assert InMemory(FACTS, batch_size=8).resolve().batch_size == 8


@pytest.mark.parametrize("batch_size", [None, 10])
def test_what_it_builds(batch_size: int | None) -> None:
    """It keeps the sampler and drop_last of the user's DataLoader, which stays as it is."""
    theirs = DataLoader(NUMBERS, batch_size=4, sampler=range(24, 0, -1), drop_last=True)
    samples = DecodedSamples.decode(theirs, num_workers=0)
    spec = InMemory(FACTS, batch_size=batch_size, loader_threads=1)
    loader = spec.build(theirs, samples)
    size = batch_size or 4
    assert [labels.tolist() for _, labels in loader] == [
        list(range(24, 0, -1))[start : start + size] for start in range(0, 24 // size * size, size)
    ]
    assert theirs.batch_size == 4
    assert loader.threads == 1


def test_workers_decode() -> None:
    """As many as the user has, or one for each core; none where they can't be started."""
    assert InMemory(FACTS).count_decoders() == usable_cores()
    assert InMemory(replace(FACTS, settings=DataLoaderSettings(num_workers=3))).count_decoders() == 3
    spawned = DataLoaderSettings(num_workers=3, multiprocessing_context="spawn")
    assert InMemory(replace(FACTS, settings=spawned, pickle_error="no")).count_decoders() == 0


def test_few_repeats_are_told() -> None:
    """Slow samples are fetched again less often, which leaves a chance."""
    assert InMemory(FACTS).machine_notice() is None
    slow = replace(FACTS, sample=SampleFacts(25, 16, 0.5, 2))
    assert InMemory(slow).machine_notice() == (
        "samples were fetched again 2 times only, as each takes 0.5 s. A random transform of one in twenty "
        "would be missed in 90% of sweeps"
    )


@pytest.mark.parametrize(
    ("values", "call", "valid"),
    [
        ({}, "InMemoryLoader(theirs)", True),
        ({"loader_threads": 0, "prefetch_batches": 3}, "InMemoryLoader(theirs, threads=0, prefetch=3)", True),
        ({"copy": True}, "InMemoryLoader(theirs, copy=True)", False),
    ],
)
def test_the_code_to_paste_runs(values: dict, call: str, valid: bool) -> None:
    """It makes a loader over the user's own, and says how long a batch is valid."""
    lines = InMemory(FACTS).with_knobs(values).make_code("theirs")
    assert lines[0] == "from loaders.ring import InMemoryLoader"
    assert lines[-1] == f"loader = {call}"
    assert ("# Batch n is valid until batch n+2 is requested, or the next epoch begins." in lines) == valid
    names = {"theirs": DataLoader(NUMBERS, batch_size=4)}
    exec("\n".join(lines), names)
    assert [len(labels) for _, labels in names["loader"]] == [4] * 6 + [1]
