"""EpochPlan: the planned times of an epoch, and how long it lasts with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from bench.validation.diagnosis.planned_queue import Piece, PlannedBatch, PlannedQueue

# Samples in a batch of the planted trainings.
BATCH_SIZE = 4
# Arguments of a DataLoader, and the fields that plan them.
KNOBS = {
    "num_workers": "num_workers",
    "prefetch_factor": "prefetch_factor",
    "persistent_workers": "persistent",
    "in_order": "in_order",
}
# Fields that the planted file is not told: they are the step's, the machine's or the neighbour's.
NOT_TOLD = (
    "in_order", "step_ms", "step_busy", "step_threaded", "crowd_ms",
    "cores", "worker_ms", "import_ms", "pipe_ms",
)  # fmt: skip


@dataclass(frozen=True)
class EpochPlan:
    """The planned times of an epoch, in milliseconds a batch where nothing else is said.

    Attributes:
        batches: number of batches.
        num_workers: number of workers; 0 loads in the training process.
        prefetch_factor: batches that each worker loads ahead.
        persistent: whether workers stay between epochs.
        shuffle: whether samples come in random order. The plan takes slow ones to be spread evenly anyway.
        in_order: whether batches come in the sampler's order.
        busy: whether the parts of loading compute, not `other_ms`, `open_ms` and `slow_ms`; else they wait.
        order_ms: time of the sampler to name a batch's samples, in the training process.
        fetch_ms: the dataset's own time.
        slow_transform: number of the slow one of four transforms, from 1; 0 for no transforms.
        transform_ms: time in the slow transform.
        other_ms: time in each of the three others.
        nested: whether two of them lie in a row of their own.
        collate_ms: time in the collate function.
        unpickle_ms: time of the training process to read the batch from the pipe, a wait.
        payload_mb: size of what goes through the pipe, in MiB.
        transfer_ms: time of the transfer, a wait.
        step_ms: time of the step.
        step_busy: whether the step computes; else it waits.
        step_threaded: whether the step is many short operations of torch, shared between its threads. With
            one thread it takes `step_ms`.
        crowd_ms: time that several threads lengthen it by beside busy workers, as this machine takes it.
        start_ms: time of each worker's worker_init_fn.
        open_ms: time that the first sample of each worker takes besides.
        slow_samples: number of slow samples.
        slow_ms: time that each slow sample takes besides.
        context: start method of the workers; empty for the system's own, which forks.
        cores: cores that are left to the training.
        worker_ms: time of the training process to start and end a worker, as this machine takes it.
        import_ms: time of a worker that isn't forked until it has imported torch, as this machine takes it.
        pipe_ms: time of the training process to read one MiB from the pipe, as this machine takes it.
    """

    batches: int = 32
    num_workers: int = 2
    prefetch_factor: int = 2
    persistent: bool = True
    shuffle: bool = False
    in_order: bool = True
    busy: bool = False
    order_ms: float = 0.0
    fetch_ms: float = 0.0
    slow_transform: int = 0
    transform_ms: float = 0.0
    other_ms: float = 0.0
    nested: bool = False
    collate_ms: float = 0.0
    unpickle_ms: float = 0.0
    payload_mb: int = 0
    transfer_ms: float = 0.0
    step_ms: float = 0.0
    step_busy: bool = False
    step_threaded: bool = False
    crowd_ms: float = 0.0
    start_ms: float = 0.0
    open_ms: float = 0.0
    slow_samples: int = 0
    slow_ms: float = 0.0
    context: str = ""
    cores: float = 2.0
    worker_ms: float = 5.0
    import_ms: float = 0.0
    pipe_ms: float = 0.7

    @property
    def slow_indices(self) -> tuple[int, ...]:
        """Indices of the slow samples, as the planted dataset spreads them."""
        samples = self.batches * BATCH_SIZE
        return tuple(round((place + 0.6) * samples / self.slow_samples) for place in range(self.slow_samples))

    @property
    def wall_s(self) -> float:
        """Length of a steady epoch in seconds. Starting the workers is a part of it, unless they stay."""
        return max(batch.done_s for batch in self.run())

    def run(self) -> list[PlannedBatch]:
        """Return the batches of a steady epoch."""
        starts = bool(self.num_workers) and not self.persistent
        read_ms = (self.unpickle_ms + self.payload_mb * self.pipe_ms) * bool(self.num_workers)
        return PlannedQueue(
            loads=self._list_loads(),
            steps=[
                _plan(read_ms + self.transfer_ms),
                _plan(self.step_ms, busy=self.step_busy),
                _plan(self.crowd_ms),
            ],
            first=self._list_first() if starts else [],
            worker_s=self.worker_ms * 1e-3 * starts,
            num_workers=self.num_workers,
            prefetch_factor=self.prefetch_factor,
            in_order=self.in_order,
            cores=self.cores,
            order=_plan(self.order_ms, busy=self.busy),
        ).run()

    def _list_first(self) -> list[Piece]:
        """Return the pieces of a worker before its first batch."""
        return [_plan(self.import_ms, busy=True), _plan(self.start_ms, busy=self.busy), _plan(self.open_ms)]

    def _list_loads(self) -> list[list[Piece]]:
        """Return the pieces of each batch's loading."""
        slow_batches = [index // BATCH_SIZE for index in self.slow_indices]
        others_ms = 3 * self.other_ms * bool(self.slow_transform)
        planned = _plan(self.fetch_ms + self.transform_ms + self.collate_ms, busy=self.busy)
        return [
            [_plan(others_ms + self.slow_ms * slow_batches.count(batch)), planned]
            for batch in range(self.batches)
        ]

    def share_without(self, better: EpochPlan) -> float:
        """Return the share of this epoch that another plan saves; below 0 where it takes longer."""
        return 1 - better.wall_s / self.wall_s

    def with_knobs(self, knobs: dict[str, object]) -> EpochPlan | None:
        """Return this plan with other arguments of the DataLoader; None where one isn't planned for.

        Args:
            knobs: values by the arguments' names, such as `{"num_workers": 4}`. None keeps one as it is.
        """
        changed = {name: value for name, value in knobs.items() if value is not None}
        if not changed.keys() <= KNOBS.keys():
            return None
        if self.crowd_ms and "num_workers" in changed:
            # How much other workers would lengthen such a step wasn't measured.
            return None
        return replace(self, **{KNOBS[name]: value for name, value in changed.items()})  # type: ignore[arg-type]

    def list_arguments(self) -> dict[str, int | float | bool | str]:
        """Return the arguments of the planted file's function that differ from its own."""
        usual = asdict(EpochPlan())
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in NOT_TOLD and (value != usual[name] or name in ("batches", "num_workers"))
        }


def _plan(milliseconds: float, *, busy: bool = False) -> Piece:
    return Piece(milliseconds * 1e-3, busy)
