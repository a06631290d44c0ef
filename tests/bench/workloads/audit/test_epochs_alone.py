"""Iterable datasets without workers, and their samples by their hashes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bench.workloads.audit.epochs_alone import run_alone
from bench.workloads.audit.own_observation import OwnObservation, SampleHashes
from bench.workloads.audit.sample_hashes import HashInspector, SampleHasher
from loaders.spec.epoch_contents import EpochContents
from tests.bench.workloads.own.own_datasets import Stream, collate_padded, loader_of


def hash_batches(*batches: Any) -> SampleHashes | None:
    hasher = SampleHasher()
    for batch in batches:
        hasher.add(batch)
    return hasher.find_result()


def hash_loader(loader: Any) -> SampleHashes | None:
    return hash_batches(*loader)


def test_the_order_and_the_batches_do_not_matter() -> None:
    """The same samples have the same hash, and others another one."""
    rows, labels = torch.arange(12.0).reshape(6, 2), torch.arange(6)
    whole = hash_batches((rows, labels))
    mixed = torch.tensor([3, 0, 5, 1, 2, 4])
    parts = [(rows[part], labels[part]) for part in mixed.split(4)]
    assert whole is not None
    assert hash_batches(*parts) == whole
    assert whole.repeated == 0
    assert hash_batches((rows, labels.roll(1))).digest != whole.digest
    assert hash_batches((rows[:5], labels[:5])).digest != whole.digest


def test_equal_samples_are_counted() -> None:
    """Two that are the same in all leaves."""
    batch = {"a": torch.tensor([1, 2, 1, 1]), "b": np.array([[0], [0], [0], [5]])}
    assert hash_batches(batch).repeated == 1
    assert hash_batches(batch, batch).repeated == 5


@pytest.mark.parametrize(
    "leaf",
    [
        torch.zeros(2, dtype=torch.bool), torch.zeros(2, 3, dtype=torch.bfloat16), torch.zeros(2, 0),
        torch.zeros(3, 2).T, np.zeros((2, 2))[:, ::2], np.array(["ab", "c"]), torch.ones(2) * 1j,
    ],
)  # fmt: skip
def test_any_dtype_is_hashed(leaf) -> None:
    """Of any layout in memory."""
    found = hash_batches([leaf, torch.arange(2)])
    assert found is not None
    assert (found.samples, found.repeated) == (2, 0)


@pytest.mark.parametrize("batch", [["a", "b"], (), torch.tensor(1.0)])
def test_samples_without_numbers_are_not_told_apart(batch) -> None:
    """Then nothing is known of the epoch."""
    assert hash_batches(torch.zeros(2), batch) is None


def test_an_inspector_hashes_each_epoch() -> None:
    """It begins anew with each."""
    inspector = HashInspector()
    for _ in range(2):
        inspector.start_over()
        assert inspector(torch.arange(4), 1) == 0
        assert inspector.observe(1, 4) == OwnObservation(1, 4, hashes=hash_batches(torch.arange(4)))
    inspector.start_over()
    inspector(["a"], 1)
    assert inspector.observe(1, 1).hashes == SampleHashes(0, "", None)


def test_an_epoch_without_workers_is_the_reference() -> None:
    """Its samples are those of an epoch whose workers split them, and of no other."""
    found = run_alone(loader_of(Stream()))
    assert (found.samples, found.batch_size, found.drop_last, found.repeated_share) == (40, 4, False, 0)

    def hash_workers(**stream: Any) -> SampleHashes | None:
        return hash_loader(loader_of(Stream(**stream), num_workers=2))

    split, lossy, same_parts = hash_workers(), hash_workers(lost=1), hash_workers(offset=0)
    assert split is not None
    assert split.digest == found.digest
    assert lossy is not None
    assert lossy.samples == 39
    assert same_parts is not None
    assert (same_parts.samples, same_parts.repeated) == (40, 20)
    assert same_parts.digest != found.digest


def test_samples_that_vary_are_only_counted() -> None:
    """Two epochs without workers don't agree."""
    assert run_alone(loader_of(Stream(noise=True))) == EpochContents(40, 4, repeated_share=0.0)


def test_samples_whose_form_depends_on_others_are_only_counted() -> None:
    """Padding is found out by batches of another size."""
    assert run_alone(loader_of(Stream(), collate_fn=collate_padded)).digest == ""
    # The dataset makes the batches, so only their shapes tell.
    assert run_alone(loader_of(Batches(is_padded=False), batch_size=None)).digest != ""
    assert run_alone(loader_of(Batches(is_padded=True), batch_size=None)).digest == ""


class Batches(Stream):
    """An iterable dataset that makes batches."""

    def __init__(self, *, is_padded: bool) -> None:
        super().__init__()
        self.is_padded = is_padded

    def __iter__(self):
        for first in range(0, 12, 4):
            yield torch.arange(first, first + 4.0)[:, None].expand(4, first + 1 if self.is_padded else 2)


def test_batches_of_one_size_only_are_counted() -> None:
    """With `drop_last` another size leaves out other samples; the first batches differ with the workers."""
    assert run_alone(loader_of(Stream(42), drop_last=True)) == EpochContents(40, 4, True, "", 0.0)
    assert run_alone(loader_of(Stream()), batches=3) == EpochContents(None, 4, repeated_share=0.0)


def test_what_differs_or_takes_too_long_is_no_reference() -> None:
    """Epochs of different length, and a stream without an end."""
    lengths = iter((10, 12))

    class Varying(Stream):
        def __iter__(self):
            return iter(torch.arange(next(lengths)))

    assert run_alone(loader_of(Varying())) == EpochContents(None, 4, repeated_share=0.0)
    now_s = iter(range(100))
    endless = run_alone(loader_of(Stream(10**9)), clock=lambda: next(now_s))
    assert endless == EpochContents(None, 4, repeated_share=0.0)


def test_samples_without_numbers_are_only_counted() -> None:
    """Of texts nothing is hashed."""

    class Texts(Stream):
        def __iter__(self):
            return iter("abcdefgh")

    assert run_alone(loader_of(Texts())) == EpochContents(8, 4)
