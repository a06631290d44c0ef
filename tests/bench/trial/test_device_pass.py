"""An epoch timed and looked at on the device: with events of a fake clock, and the CPU for a device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import pytest
import torch

from bench.analysis.summary import summarise
from bench.plan.configuration import Configuration
from bench.plan.grid import Machine, make_plan
from bench.plan.request import Request
from bench.records.results_folder import read_device, read_runs
from bench.runner.auditor import Auditor
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial import device_timer
from bench.trial.audit_result import AuditError
from bench.trial.device_inspector import DeviceInspector
from bench.trial.device_pass import TimedStep
from bench.trial.device_timer import DeviceTimer
from bench.trial.epoch_row import make_device_columns
from bench.trial.inspected_step import InspectedStep
from bench.trial.pixel_grid import PixelGrid
from bench.trial.trial import Trial
from loaders.data.batch import Batch
from loaders.device.device import no_span
from loaders.device.pipeline import Pipeline, to_device
from loaders.families.batched_dataloader import BatchedDataLoader
from tests.bench import runs
from tests.bench.runner import test_blocks
from tests.fakes import numbered_workload
from tests.loaders.late_device import LateDevice

SAMPLES = 300
PARTS = ("data", "transfer", "step")


class FakeEvent:
    """An event of a device whose clock, in milliseconds, goes on by one at each look."""

    now = 0.0

    def record(self) -> None:
        type(self).now += 1
        self.at = self.now

    def elapsed_time(self, end: FakeEvent) -> float:
        return end.at - self.at


@pytest.fixture
def timer() -> DeviceTimer:
    return DeviceTimer(FakeEvent)


def test_spans_of_a_name_add_up(timer) -> None:
    """Each by itself, also one within another."""
    for _ in range(3):
        with timer.span("step"):
            FakeEvent.now += 6
    with timer.span("transfer"), timer.span("data"):
        pass
    assert timer.read_seconds() == pytest.approx({"step": 0.021, "transfer": 0.003, "data": 0.001})


def test_of_too_many_spans_nothing_is_told(timer, monkeypatch) -> None:
    """A part of them would pass for the whole."""
    monkeypatch.setattr(device_timer, "MAX_SPANS", 2)
    for _ in range(3):
        with timer.span("step"):
            pass
    assert timer.read_seconds() == {"data": None, "transfer": None, "step": None}


def make_inspector(samples: int = SAMPLES) -> DeviceInspector:
    return DeviceInspector(PixelGrid.draw(28, 28, "0/0"), (1, 28, 28), samples, "cpu")


@dataclass(frozen=True)
class OnDeviceTrial(Trial):
    """A trial on the CPU that is taken for one on a GPU where its device pass is concerned."""

    @property
    def has_device_pass(self) -> bool:
        return True

    def make_timer(self) -> DeviceTimer:
        return DeviceTimer(FakeEvent)


def make_runner(context, folder) -> TrialRunner:
    return TrialRunner(context, TrialLimits(60), folder / "log")


def trial(spec=None, **changes) -> OnDeviceTrial:
    configuration = Configuration(
        spec or BatchedDataLoader(batch_size=64), "cpu", "analytic", "cross_entropy", 1
    )
    arguments = {"number": 0, "baseline": 0, "block": 0, "position": 0, "epochs": 2, "seed": 0, **changes}
    return OnDeviceTrial(configuration, workload=numbered_workload(SAMPLES), **arguments)


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_pass_follows_the_epochs_and_is_seen_in_full(one_thread) -> None:
    """Five batches, five steps; every sample is known; the epochs after it are timed by the clock again."""
    *timed, on_device, after = islice(trial().run(), 4)
    assert [report.on_device for report in (*timed, after)] == [None, None, None]
    assert on_device.on_device["step"] == pytest.approx(5e-3)
    assert on_device.on_device["transfer"] == on_device.on_device["data"] == 0
    assert on_device.timings.samples == SAMPLES
    finding = Auditor().judge(trial(), 0, on_device.observation)
    assert finding.seen_share == 1
    assert on_device.observation.low == 0
    assert on_device.observation.high == 1


def test_which_trials_have_one() -> None:
    """Audited trials on CUDA have one, in the first block, at their first attempt, unless they are short."""
    configuration = Configuration(BatchedDataLoader(), "cuda", "none", None, 1)
    usual = Trial(configuration, 0, 0, 0, 0, numbered_workload(), 2, 0)
    assert usual.has_device_pass
    others = ({"block": 1}, {"attempt": 1}, {"audited": False}, {"is_repeated": False})
    assert not any(replace(usual, **change).has_device_pass for change in others)
    assert not replace(usual, configuration=replace(configuration, device="cpu")).has_device_pass


def test_it_is_a_row_of_its_own(context, tmp_path) -> None:
    """The last one of a trial, by events, which holds no waits of the host's."""
    *rows, last = make_runner(context, tmp_path).run(trial())
    assert [row.timed_by for row in rows] == ["clock", "clock"]
    assert (last.timed_by, last.status, last.epoch) == ("events", "ok", 2)
    assert last.step_s == pytest.approx(5e-3)
    assert (last.data_wait_s, last.transfer_s, last.data_wait_median_s) == (0, 0, None)
    assert last.audited_share == 1


@dataclass(frozen=True)
class LateSpoilt(BatchedDataLoader):
    """Right in two epochs, then one whose batches are on the device too late."""

    def build(self, source, *, shuffle, seed):
        return _SpoiltInThird(super().build(source, shuffle=shuffle, seed=seed))


class _SpoiltInThird:
    def __init__(self, loader) -> None:
        self.loader = loader
        self.epochs = 0

    def __iter__(self):
        self.epochs += 1
        before: Batch | None = None
        for batch in self.loader:
            late = self.epochs == 3 and before is not None and len(before[0]) == len(batch[0])
            yield (before[0], batch[1]) if late else batch
            before = batch


def test_what_came_too_late_fails(context, tmp_path) -> None:
    """Only the pass sees batches on the device as the step found them: it fails the configuration."""
    *rows, last = make_runner(context, tmp_path).run(trial(LateSpoilt(batch_size=64)))
    assert [row.status for row in rows] == ["ok", "ok"]
    assert (last.status, last.timed_by) == ("failed", "clock")
    assert "more than once" in last.error or "label" in last.error


def test_transfers_are_measured_where_they_are_launched(timer) -> None:
    """Copies, and what finishes them, are spans of whatever moves the batches."""
    device = LateDevice()
    batches = [(torch.rand(4, 1, 28, 28), torch.zeros(4, dtype=torch.int64)) for _ in range(3)]
    for transfer in ("blocking", "non_blocking", "prefetch"):
        timer = DeviceTimer(FakeEvent)
        pipeline = to_device(batches, device, transfer)
        pipeline.watch(timer.span)
        assert len(list(pipeline)) == 3
        assert timer.read_seconds()["transfer"] == pytest.approx(3e-3)
        pipeline.watch(no_span)
        list(pipeline)
        assert timer.read_seconds()["transfer"] == pytest.approx(3e-3)


def test_a_step_that_puts_off_is_not_measured_by_its_call(timer) -> None:
    """It has spans of its own."""

    class PutsOff:
        span = staticmethod(no_span)

        def __call__(self, batch) -> None:
            pass

    seen = make_inspector(8)
    step = InspectedStep(TimedStep(PutsOff(), timer), seen)
    step((torch.rand(4, 1, 28, 28), torch.zeros(4, dtype=torch.int64)))
    assert timer.read_seconds()["step"] == 0
    assert seen.observe(1, 4).sizes == (4,)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (torch.zeros(4, 28, 28), "torch.float32 .4, 28, 28."),
        (torch.zeros(4, 1, 28, 28, dtype=torch.float64), "torch.float64"),
        (torch.full((4, 1, 28, 28), 2.0), "instead of 0 to 1"),
    ],
)
def test_another_form_is_told(images, said) -> None:
    """As the audit of the host's batches tells it."""
    seen = make_inspector()
    seen((images, torch.zeros(4, dtype=torch.int64)))
    with pytest.raises(AuditError, match=said):
        Auditor().judge(trial(), 0, seen.observe(1, 4))


def test_more_than_there_are_go_by() -> None:
    """The count says how many were delivered."""
    seen = make_inspector(6)
    for _ in range(2):
        seen((torch.rand(4, 1, 28, 28), torch.zeros(4, dtype=torch.int64)))
    assert seen.observe(2, 8).sizes == (4,)


def test_events_go_to_a_file_of_their_own(tmp_path) -> None:
    """device.csv, from which the summary takes the device's times; runs.csv has the clock's alone."""
    request = Request(knobs={"num_workers": (0, 1)}, device=("cuda",))
    plan = make_plan(request, Machine(cuda=True, num_threads=2))

    class Runner(test_blocks.FakeRunner):
        def run(self, one):
            yield from super().run(one)
            if one.has_device_pass:
                parts = {"data": 0.1, "transfer": 0.2, "step": 0.3 + one.number}
                yield replace(one.make_row(epoch=2), samples=1000, wall_s=1.0, **make_device_columns(parts))

    test_blocks.run(Runner(), tmp_path, plan)
    assert set(read_runs(tmp_path)["timed_by"]) == {"clock"}
    device = read_device(tmp_path)
    assert sorted(device["configuration"]) == [0, 1]
    assert set(device["block"]) == {0}
    summary = summarise(read_runs(tmp_path), None, device)
    assert summary["device_step_s"].tolist() == [0.3, 1.3]
    assert summary["device_transfer_s"].tolist() == [0.2, 0.2]
    assert summary["device_data_s"].tolist() == [0.1, 0.1]


def test_a_resumed_sweep_makes_up_for_a_missing_pass(tmp_path) -> None:
    """Killed between a trial's last epoch and its pass, it runs that trial once more, and only that."""
    plan = make_plan(
        Request(knobs={"num_workers": (0, 1)}, device=("cuda",)), Machine(cuda=True, num_threads=2)
    )

    class Runner(test_blocks.FakeRunner):
        passes = (0,)

        def run(self, one):
            rows = list(super().run(one))
            yield from rows
            if one.has_device_pass and one.number in self.passes:
                yield replace(
                    one.make_row(epoch=2),
                    samples=1000,
                    wall_s=1.0,
                    **make_device_columns(dict.fromkeys(PARTS, 0.1)),
                )

    test_blocks.run(Runner(), tmp_path, plan, bounds={})
    again = Runner()
    again.passes = (0, 1)
    test_blocks.run(again, tmp_path, plan, bounds={}, resumed=True)
    assert [(family, number, block) for family, number, block, _ in again.ran] == [("torch_dataloader", 1, 0)]
    assert sorted(read_device(tmp_path)["configuration"]) == [0, 1]
    assert len(read_runs(tmp_path)) == 6
    third = Runner()
    test_blocks.run(third, tmp_path, plan, bounds={}, resumed=True)
    assert third.ran == []


def test_without_a_gpu_there_is_no_such_file(tmp_path) -> None:
    """And the summary's cells are empty."""
    folder = runs.written(tmp_path, [runs.row(0)])
    assert read_device(folder) is None
    assert summarise(read_runs(folder))["device_step_s"].isna().all()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("transfer", ["blocking", "non_blocking", "prefetch"])
def test_on_a_gpu(transfer, context, tmp_path) -> None:
    """A whole trial in its process: the copies' and the steps' time are there, and all samples."""
    spec = BatchedDataLoader(batch_size=64, transfer=transfer, pin_memory=True)
    configuration = Configuration(spec, "cuda", "analytic", "cross_entropy", 1)
    one = Trial(configuration, 0, 0, 0, 0, numbered_workload(SAMPLES), 2, 0)
    *rows, last = make_runner(context, tmp_path).run(one)
    assert [row.status for row in (*rows, last)] == ["ok"] * 3
    assert last.timed_by == "events"
    assert last.transfer_s > 0
    assert last.step_s > 0


def test_a_pipeline_without_transfer_is_its_loader() -> None:
    """Nothing is moved, nothing is measured."""
    batches = [(torch.zeros(1), torch.zeros(1))]
    pipeline = Pipeline(batches)
    pipeline.watch(no_span)
    assert list(pipeline) == batches
