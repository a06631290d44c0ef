"""EpochMeter: measures the epochs of one pipeline, and the use of the machine around them."""

from __future__ import annotations

import gc
import multiprocessing

import torch

from bench.machine import interference
from bench.machine.counter_reading import CounterReading
from bench.trial.epoch_report import EpochReport
from bench.trial.measure import Consumer, Inspector, measure_epoch
from bench.trial.training import Training


class EpochMeter:
    """Measures one epoch after another of a pipeline and a step, in this process."""

    def __init__(self, training: Training, *, cuda: bool) -> None:
        """Prepare to measure.

        Args:
            training: the loader and the step.
            cuda: True if the step runs on a CUDA device.
        """
        self._pipeline = training.pipeline
        self._step = training.step
        self._count = training.count
        self._cuda = cuda
        # The sweep watches its trials from its own process.
        sweep = multiprocessing.parent_process()
        self._sweep_pid = None if sweep is None else sweep.pid
        self._last: CounterReading | None = None
        # The first reading also looks for the counters of this machine.
        self._read_counters()

    def measure(self, consumer: Consumer | None = None, inspector: Inspector | None = None) -> EpochReport:
        """Measure one epoch.

        Args:
            consumer: takes the batches and hands them to the step; None for the step itself.
            inspector: inspects delivered batches within the clock, as `measure_epoch` says.
        """
        self._step.reset()
        # An epoch must not pay for garbage of the time before.
        gc.collect()
        before = self._read_counters()
        timings = measure_epoch(
            self._pipeline,
            consumer or self._step,
            count=self._count,
            synchronize=self._synchronize if self._cuda else None,
            inspector=inspector,
        )
        after = self._read_counters()
        last, self._last = self._last, after
        return EpochReport(
            timings,
            self._step.mean_loss(),
            interference.find_interference(before, after),
            between_epochs_cpu_s=None if last is None else interference.find_background_cpu_s(last, before),
        )

    def _read_counters(self) -> CounterReading:
        return interference.read_counters(cuda=self._cuda, sweep_pid=self._sweep_pid)

    def _synchronize(self) -> None:
        self._step.flush()
        self._pipeline.wait()
        torch.cuda.synchronize()
