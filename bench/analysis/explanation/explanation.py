"""Explanation: what bounds a training, what would help, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from bench.analysis.evidence import LoaderSetup
from bench.analysis.statistics import Estimate


class Cause(str, Enum):
    """Cause that bounds a training: the closed list of diagnoses."""

    START_UP = "start-up bound"
    FETCH = "fetch bound"
    TRANSFORM = "transform bound"
    COLLATE = "collate bound"
    TRANSPORT = "transport bound"
    TRANSFER = "transfer bound"
    STEP = "step bound"
    STRAGGLERS = "stragglers"
    FEW_WORKERS = "too few workers"
    MANY_WORKERS = "too many workers or threads"
    STARVED = "starved of cores by others"
    BALANCED = "balanced"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Part:
    """A part of an epoch's time in one place.

    The parts of the training process sum to the epoch's wall time; so do those of a worker. Both run at the
    same time, so the parts of a worker are overlapped, save where the training process waits for them.

    Attributes:
        name: `start-up`, `waiting`, `order`, `fetch`, the name of a transform, `collate`, `DataLoader`,
            `transfer`, `step`, `teardown`, `handing on`, `idle`, `other`.
        place: `training` for the training process, `worker` for a mean worker.
        batch_s: seconds a batch, for a worker a batch of its own.
        share: share of the epoch's wall time, 0 to 1.
        stage: kind of the stage: `transform` where `name` is that of a transform; else `name` itself.
    """

    name: str
    place: str
    batch_s: Estimate
    share: float
    stage: str = ""


@dataclass(frozen=True)
class Rung:
    """One stage of the ladder: a difference of two rungs.

    Attributes:
        name: `order`, `fetch`, the name of a transform, `collate`, `DataLoader`, `pinning`, `transfer`,
            `step`, `transport`; `loader` for one that is no DataLoader.
        batch_s: what the stage adds to a batch in one process, in seconds; an interval may reach below 0.
        sample_s: the same for one sample.
        place: `training` or `worker`: where it runs in the configuration.
        is_overlapped: whether it runs beside the step, so that a faster one need not shorten the epoch.
        stage: kind of the stage, as for Part.
    """

    name: str
    batch_s: Estimate
    sample_s: float
    place: str
    is_overlapped: bool
    stage: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """Cause that bounds the training, and the evidence for it.

    Attributes:
        cause: the cause.
        stage: name of the transform for TRANSFORM, empty for all of them together; `order` for FETCH where
            the sampler takes the time; else empty.
        is_sure: whether the evidence tells it from every other cause; False for a likely one.
        evidence: one sentence with figures.
        second: the next cause, where the first one isn't all; None for none.
        loss: share of the epoch that the cause costs, 0 to 1: what would be saved without it.
    """

    cause: Cause
    stage: str
    is_sure: bool
    evidence: str
    second: Cause | None = None
    loss: float | None = None


@dataclass(frozen=True)
class Advice:
    """A change, and the gain that is predicted of it.

    Attributes:
        change: the change in words, such as `8 workers instead of 2`.
        kind: `workers`, `prefetch`, `persistent`, `pinning`, `batched fetch`, `in memory`, `transform`,
            `in order`, `start method`, `threads`; `fetch`, `collate` and `transform` for a stage that takes
            no time, which is the most that a faster one can bring.
        gain: predicted throughput over the present one; None where it can't be predicted.
        family: family of the changed loader, such as `in_memory`; the present one as a rule.
        knobs: values of the command's options that make the change, by the options' names in Python, such as
            `{"num_workers": 8}`; empty where no option makes it.
        note: a condition or cost in one sentence, such as memory or the epoch from which it pays; may be
            empty.
        basis: how the gain was predicted, in a few words, such as `replay of 240 batches`.
        actual: measured ratio after `--verify`; None without.
    """

    change: str
    kind: str
    gain: Estimate | None
    family: str
    knobs: Mapping[str, object] = field(default_factory=dict)
    note: str = ""
    basis: str = ""
    actual: Estimate | None = None


@dataclass(frozen=True)
class BreakEven:
    """The step time from which on the loader no longer matters.

    Attributes:
        change: the configuration in words; `as it is` for the present one.
        step_s: seconds a batch.
        knobs: as for Advice.
        checked: measured share of the step's own throughput with a step that long, after `--check`; None
            without.
    """

    change: str
    step_s: float
    knobs: Mapping[str, object] = field(default_factory=dict)
    checked: float | None = None


@dataclass(frozen=True)
class SlowBatch:
    """One of the slowest batches.

    Attributes:
        block: block in which it was seen.
        epoch: epoch of the process.
        number: number of the batch, from 0.
        load_s: seconds of its loading.
        typical_s: median of all batches.
        wait_s: seconds that the training waited for it.
        is_own: whether the wait was for its own loading; False where the batches before it in the queue were
            late.
        worker: the worker that loaded it.
        indices: indices of its samples; the slow one alone where it was told apart.
    """

    block: int
    epoch: int
    number: int
    load_s: float
    typical_s: float
    wait_s: float
    is_own: bool
    worker: int
    indices: tuple[int | str, ...]


@dataclass(frozen=True)
class StartUp:
    """Time to the first batch, by cause, in seconds.

    Attributes:
        first_s: from before `iter(loader)` to the first batch, in a first epoch.
        each_epoch_s: the same in later epochs, which pay it again.
        starting_s: creating the workers, which includes pickling where they aren't forked; without workers,
            making the iterator.
        importing_s: imports and unpickling in the workers; 0 for forked ones. Without workers, drawing the
            indices of the first batch.
        fetching_s: loading of the first batch.
        handing_s: the rest: the way of the first batch.
        pickled_bytes: bytes of what is pickled for each worker; None if unknown.
        teardown_s: end of an epoch, where workers end.
        pickling_s: pickling for all workers, a part of `starting_s`; default 0, for forked workers and where
            it isn't known.
    """

    first_s: float
    each_epoch_s: float
    starting_s: float
    importing_s: float
    fetching_s: float
    handing_s: float
    pickled_bytes: int | None
    teardown_s: float
    pickling_s: float = 0.0


@dataclass(frozen=True)
class Explanation:
    """Diagnosis of a training, the changes that would help, and their gains.

    Attributes:
        setup: the configuration.
        samples_per_s: its throughput.
        wall_s: length of an epoch as it was measured.
        possible: throughput with an infinitely fast loader over the present one; None without a step.
        diagnosis: what bounds it.
        parts: where the time of an epoch goes.
        closure: sum of the parts of the training process over the wall time of the epochs as they are.
        ladder: what each stage costs.
        advice: the changes worth making, at most three: first those that an option makes, in the order of
            gain.
        useless: changes that would gain nothing, or would lose.
        break_even: of the present configuration and of those in `advice`, in the order of step time.
        slow_batches: the slowest batches.
        start_up: time to the first batch; None for a loader whose inside isn't known.
        replay_error: throughput of the replayed present configuration over its measured one, minus 1; None
            where it can't be replayed. Predictions are shown only where it is small.
        tracing_cost: wall time of traced epochs over that of epochs as they are, minus 1; None if unknown.
        cautions: one sentence for each thing that limits what can be said.
    """

    setup: LoaderSetup
    samples_per_s: Estimate
    wall_s: float
    possible: Estimate | None
    diagnosis: Diagnosis
    parts: tuple[Part, ...]
    closure: float | None
    ladder: tuple[Rung, ...]
    advice: tuple[Advice, ...] = ()
    useless: tuple[Advice, ...] = ()
    break_even: tuple[BreakEven, ...] = ()
    slow_batches: tuple[SlowBatch, ...] = ()
    start_up: StartUp | None = None
    replay_error: float | None = None
    tracing_cost: float | None = None
    cautions: tuple[str, ...] = ()
