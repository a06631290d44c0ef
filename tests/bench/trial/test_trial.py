"""A trial run in this process, and the row it becomes."""

from __future__ import annotations

from array import array
from itertools import islice

import pytest
import torch

from bench.machine.interference import Interference
from bench.plan.configuration import Configuration
from bench.process.memory_watch import MemoryWatch
from bench.runner.auditor import Auditor
from bench.trial.audit import AuditError, AuditResult
from bench.trial.epoch_report import EpochReport
from bench.trial.epoch_row import build_row
from bench.trial.measure import EpochTimings
from bench.trial.trial import Trial
from loaders.device.pipeline import TRANSFERS
from loaders.families.batched_dataloader import BatchedDataLoader
from loaders.families.tensor_slice import TensorSlice
from tests.fakes import numbered_dataset, numbered_source
from tests.loaders.late_device import PromptDevice


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def trial(**changes) -> Trial:
    configuration = Configuration(
        BatchedDataLoader(batch_size=64, resize=changes.pop("resize", None)), "cpu",
        changes.pop("step", "analytic"), changes.pop("loss", "cross_entropy"), 1,
    )  # fmt: skip
    arguments = {"number": 4, "baseline": 2, "block": 1, "position": 3, "epochs": 2, "seed": 7, **changes}
    return Trial(configuration, dataset=numbered_dataset(300), **arguments)


def test_every_epoch_is_measured() -> None:
    """All samples each time, and the model goes on learning from one epoch to the next."""
    first, second = islice(trial(learning_rate=0.001).run(), 2)
    assert first.timings.samples == second.timings.samples == 300
    assert second.train_loss < first.train_loss


class Short:
    """A loader that leaves out its last batch."""

    def __init__(self, loader) -> None:
        self.loader = loader

    def __iter__(self):
        return iter(list(self.loader)[:-1])


@pytest.fixture
def short(monkeypatch):
    whole = BatchedDataLoader.build
    monkeypatch.setattr(BatchedDataLoader, "build", lambda *a, **k: Short(whole(*a, **k)))


def test_an_epoch_that_leaves_samples_out_is_told(short) -> None:
    """A loader can't be fast by doing less: its own count says so, and its repetition which."""
    timed, repeated = next(trial().run()).record, next(trial().repeat())
    assert (timed.batches, timed.samples) == (repeated.batches, repeated.samples) == (4, 256)
    with pytest.raises(AuditError, match="256 samples were delivered of 300: 44 missing"):
        Auditor(numbered_source(300)).judge(trial(), 0, repeated)


def test_what_measures_a_limit_is_not_audited(short) -> None:
    """It trains nobody."""
    assert [report.record for report in islice(trial(audited=False).run(), 2)] == [None, None]


def test_the_repetition_is_seen_in_full() -> None:
    """Each epoch of it, and what the timed one saw of itself is part of it."""
    auditor = Auditor(numbered_source(300))
    epochs = zip(trial().run(), trial().repeat(), strict=True)
    for epoch, (report, record) in enumerate(islice(epochs, 2)):
        assert auditor.judge(trial(), epoch, record).seen_share == 1
        assert auditor.judge(trial(), epoch, record).shuffle_quality == pytest.approx(1, abs=0.2)
        if report.record.sizes:
            assert auditor.judge(trial(), epoch, report.record).seen_share == report.record.seen_share
            assert report.record.labels[0] in record.labels


def test_threads_are_set() -> None:
    """The consumer's own knob."""
    torch.set_num_threads(2)
    next(trial(epochs=1).run())
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


BETWEEN = Interference(
    own_cpu_s=1.5, other_cpu_share=0.25, cpu_mhz=2000.0, throttled_count=2, gpu_mhz=None,
    disturbed="other processes used 25% of the cores",
)  # fmt: skip
WATCH = MemoryWatch(0, [(1000, 123, 45, 3)])


def report(waits: list[int]) -> EpochReport:
    return EpochReport(timings(waits), 0.5, BETWEEN, None)


def test_nanoseconds_become_seconds() -> None:
    """Sums, median and 99th percentile of the waits; the wait for the device is the step's."""
    row = build_row(trial().row(epoch=0), report([400, 100, 200]), None, WATCH)
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
    assert (row.train_loss, row.cpu_s) == (0.5, 1.5)


def test_what_was_seen_beside_the_clock_is_filled_in() -> None:
    """Memory and processes by the watch, the machine by its readings, the samples by the audit."""
    row = build_row(
        trial(attempt=1).row(epoch=0), report([400]), AuditResult(shuffle_quality=0.9, seen_share=0.5), WATCH
    )
    assert (row.peak_memory_bytes, row.peak_anonymous_bytes) == (123, 45)
    assert (row.processes, row.attempt) == (3, 1)
    assert (row.other_cpu_share, row.cpu_mhz, row.throttled_count, row.gpu_mhz) == (0.25, 2000, 2, None)
    assert row.disturbed == "other processes used 25% of the cores"
    assert (row.shuffle_quality, row.audited_share) == (0.9, 0.5)


def test_an_epoch_without_batches_has_no_wait() -> None:
    """No median of nothing."""
    row = build_row(trial().row(epoch=0), report([]), None, WATCH)
    assert row.time_to_first_batch_s is None
    assert row.data_wait_median_s is None


@pytest.mark.parametrize(
    ("walls_s", "done"),
    [
        ((), False),
        ((9.0,), False),
        ((9.0, 0.06), False),
        ((9.0, 0.06, 0.06), True),
        ((0.0,) * 19, False),
        ((0.0,) * 20, True),
    ],
)
def test_short_epochs_are_measured_more_often(walls_s: tuple[float, ...], done: bool) -> None:
    """Until the steady ones have lasted long enough, or there are many."""
    walls_ns = [int(wall * 1e9) for wall in walls_s]
    assert trial(epochs=2, steady_s=0.1).is_done(walls_ns) == done
    assert trial(epochs=2).is_done(walls_ns) == (len(walls_s) >= 2)


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("scale_on", ["host", "device"])
def test_what_crosses_raw_is_audited_where_it_has_arrived(transfer, scale_on, monkeypatch) -> None:
    """Bytes on their way are no fault: the repetition sees what became of them."""
    monkeypatch.setattr("loaders.device.pipeline.CudaDevice", lambda name: PromptDevice())
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    spec = TensorSlice(batch_size=64, transfer=transfer, scale_on=scale_on, pin_memory=False)
    configuration = Configuration(spec.resolve(cuda=True), "cuda", "none", None, 1)
    sent = Trial(configuration, 0, 0, 1, 0, numbered_dataset(300), 2, 0)
    auditor = Auditor(numbered_source(300))
    for epoch, (report, record) in enumerate(islice(zip(sent.run(), sent.repeat(), strict=True), 2)):
        assert report.timings.samples == 300
        auditor.judge(sent, epoch, report.record)
        assert auditor.judge(sent, epoch, record).seen_share == 1
