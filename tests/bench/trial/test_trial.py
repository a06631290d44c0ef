"""A trial run in this process."""

from __future__ import annotations

import threading
import time
from itertools import islice

import pytest
import torch

from bench.plan.configuration import Configuration
from bench.runner.auditor import Auditor
from bench.trial.audit_result import AuditError
from bench.trial.trial import MAX_EPOCHS, Trial
from loaders.device.pipeline import TRANSFERS
from loaders.families.batched_dataloader import BatchedDataLoader
from loaders.families.tensor_slice import TensorSlice
from tests.fakes import numbered_workload
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
    return Trial(configuration, workload=numbered_workload(300), **arguments)


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
    timed, repeated = next(trial().run()).observation, next(trial().repeat())
    assert (timed.batches, timed.samples) == (repeated.batches, repeated.samples) == (4, 256)
    with pytest.raises(AuditError, match="256 samples were delivered of 300: 44 missing"):
        Auditor().judge(trial(), 0, repeated)


def test_a_ceiling_is_not_audited(short) -> None:
    """It trains nobody."""
    assert [report.observation for report in islice(trial(audited=False).run(), 2)] == [None, None]


def test_the_repetition_is_seen_in_full() -> None:
    """Each epoch of it, and what the timed one saw of itself is part of it."""
    auditor = Auditor()
    epochs = zip(trial().run(), trial().repeat(), strict=True)
    for epoch, (report, record) in enumerate(islice(epochs, 2)):
        assert auditor.judge(trial(), epoch, record).seen_share == 1
        assert auditor.judge(trial(), epoch, record).shuffle_quality == pytest.approx(1, abs=0.2)
        if report.observation.sizes:
            assert (
                auditor.judge(trial(), epoch, report.observation).seen_share == report.observation.seen_share
            )
            assert report.observation.labels[0] in record.labels


def test_the_time_to_build_is_on_the_first_report(monkeypatch) -> None:
    """It holds reading the data and building the loader; later epochs have none."""
    whole = BatchedDataLoader.build

    def build_slowly(*arguments, **options):
        time.sleep(0.1)
        return whole(*arguments, **options)

    monkeypatch.setattr(BatchedDataLoader, "build", build_slowly)
    first, second = islice(trial().run(), 2)
    assert first.build_s >= 0.1
    assert second.build_s is None


def work() -> None:
    """Use 0.2 s of CPU time of this thread."""
    began_s = time.thread_time()
    while time.thread_time() < began_s + 0.2:
        pass


def test_work_between_epochs_is_counted() -> None:
    """That of another thread of the process, and not that of the thread that measures."""
    reports = trial().run()
    assert next(reports).between_epochs_cpu_s is None
    # Begun and ended between the two readings, however the machine is used.
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    work()
    assert next(reports).between_epochs_cpu_s == pytest.approx(0.2, abs=0.1)


def test_between_epochs_nothing_is_done() -> None:
    """A loader without threads has no CPU time there."""
    _, second = islice(trial().run(), 2)
    assert second.between_epochs_cpu_s < 0.1


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
    row = trial().make_row(epoch=1, started_at="2026-01-01T00:00:00+00:00")
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


@pytest.mark.parametrize(
    ("walls_s", "done"),
    [
        ((), False),
        ((9.0,), False),
        ((9.0, 0.06), False),
        ((9.0, 0.06, 0.06), True),
        ((0.0,) * (MAX_EPOCHS - 1), False),
        ((0.0,) * MAX_EPOCHS, True),
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
    sent = Trial(configuration, 0, 0, 1, 0, numbered_workload(300), 2, 0)
    auditor = Auditor()
    for epoch, (report, record) in enumerate(islice(zip(sent.run(), sent.repeat(), strict=True), 2)):
        assert report.timings.samples == 300
        auditor.judge(sent, epoch, report.observation)
        assert auditor.judge(sent, epoch, record).seen_share == 1
