"""A trial run in this process, and the row it becomes."""

from __future__ import annotations

from array import array

import pytest
import torch

from bench.grid import Configuration
from bench.measure import EpochTimings
from bench.trial import DeliveryError, EpochReport, Trial, measured
from loaders.families.batched_dataloader import BatchedDataLoader, BatchedDataset
from tests.fakes import numbered_dataset


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def trial(**changes) -> Trial:
    configuration = Configuration(
        BatchedDataLoader(batch_size=64, resize=changes.pop("resize", None)), "cpu",
        changes.pop("step", "closed_form"), changes.pop("loss", "cross_entropy"), 1,
    )  # fmt: skip
    arguments = {"number": 4, "baseline": 2, "block": 1, "position": 3, "epochs": 2, "seed": 7, **changes}
    return Trial(configuration, dataset=numbered_dataset(300), **arguments)


def test_every_epoch_is_measured() -> None:
    """All samples each time, and the model goes on learning from one epoch to the next."""
    first, second = trial(learning_rate=0.001).run()
    assert first.timings.samples == second.timings.samples == 300
    assert second.train_loss < first.train_loss


@pytest.mark.parametrize("samples", [299, 301])
def test_an_epoch_that_delivers_another_number_is_none(monkeypatch, samples) -> None:
    """A loader can't be fast by leaving samples out, or by repeating them."""
    monkeypatch.setattr("loaders.source.Source.__len__", lambda self: samples)
    monkeypatch.setattr(BatchedDataset, "__len__", lambda self: 300)
    with pytest.raises(DeliveryError, match=f"delivered 300 of {samples} samples"):
        list(trial().run())


def test_threads_are_set() -> None:
    """The consumer's own knob."""
    torch.set_num_threads(2)
    list(trial(epochs=1).run())
    assert torch.get_num_threads() == 1


def test_the_seed_decides_the_order() -> None:
    """The same seed trains to the same loss, another to another."""
    losses = [next(trial(seed=seed).run()).train_loss for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_the_model_fits_the_delivered_size() -> None:
    """With a resize the step has as many inputs as the loader delivers pixels."""
    report = next(trial(resize=32).run())
    assert report.timings.sample_shape == (1, 32, 32)


def test_the_loader_alone_has_no_loss() -> None:
    """Without a step nothing is trained."""
    assert next(trial(step="none", loss=None).run()).train_loss is None


def test_a_row_says_what_was_run() -> None:
    """Identity first, nothing measured yet."""
    row = trial().row(epoch=1, started_at="2026-01-01T00:00:00+00:00")
    assert (row.configuration, row.baseline, row.block, row.position, row.epoch) == (4, 2, 1, 3, 1)
    assert (row.family, row.dataset, row.device, row.num_threads) == (
        "batched_dataloader",
        "numbered:300",
        "cpu",
        1,
    )
    assert row.knobs["batch_size"] == "64"
    assert row.knobs["resize"] == "none"
    assert row.wall_s is None


def timings(waits: list[int]) -> EpochTimings:
    return EpochTimings(
        start_ns=0, startup_ns=50, data_wait_ns=array("q", waits),
        transfer_ns=array("q", [1] * len(waits)), step_ns=array("q", [10] * len(waits)), drain_ns=5,
        teardown_ns=7, end_ns=2_000_000_000, samples=500, sample_shape=(1, 28, 28), dtype="float32",
    )  # fmt: skip


def test_nanoseconds_become_seconds() -> None:
    """Sums, median and 99th percentile of the waits; the wait for the device is the step's."""
    report = EpochReport(timings([400, 100, 200]), train_loss=0.5, cpu_s=1.5)
    row = measured(trial().row(epoch=0), report, peak_memory_bytes=123)
    assert row.wall_s == 2.0
    assert row.samples_per_s == 250
    assert row.startup_s == pytest.approx(50e-9)
    assert row.time_to_first_batch_s == pytest.approx(450e-9)
    assert row.data_wait_s == pytest.approx(700e-9)
    assert row.data_wait_median_s == pytest.approx(200e-9)
    assert row.data_wait_p99_s == pytest.approx(396e-9)
    assert row.transfer_s == pytest.approx(3e-9)
    assert row.step_s == pytest.approx(35e-9)
    assert row.teardown_s == pytest.approx(7e-9)
    assert (row.sample_shape, row.dtype, row.batches) == ("1x28x28", "float32", 3)
    assert (row.train_loss, row.cpu_s, row.peak_memory_bytes) == (0.5, 1.5, 123)


def test_an_epoch_without_batches_has_no_wait() -> None:
    """No median of nothing."""
    row = measured(trial().row(epoch=0), EpochReport(timings([]), None, 0.0), None)
    assert row.time_to_first_batch_s is None
    assert row.data_wait_median_s is None
