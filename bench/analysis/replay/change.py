"""Change: a change of a loader or a step, whose effect is replayed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bench.analysis.evidence import LoaderSetup

# Prefetch factor of a DataLoader that is given workers and no such factor.
PREFETCH_FACTOR = 2

STRAGGLERS, START_UP, TRANSPORT = "stragglers", "start-up", "transport"
TRANSFER, STEP, OTHERS, CORES = "transfer", "step", "others", "cores"
# Losses that a change may remove, beside the stages of a worker.
LOSSES = (STRAGGLERS, START_UP, TRANSPORT, TRANSFER, STEP, OTHERS, CORES)


@dataclass(frozen=True)
class Change:
    """A change of a loader or a step. None keeps a value as it is.

    Attributes:
        num_workers: number of workers.
        prefetch_factor: batches that each worker loads ahead.
        in_order: whether batches come in the sampler's order.
        persistent_workers: whether workers live on between epochs.
        num_threads: torch's threads in the training process. A replay doesn't know what they do, so a pilot
            with as many is needed.
        without: stages that take no time, by name: `fetch`, `collate`, a transform's name or `transform 2`
            for the second one; and losses: `stragglers` load as long as the others, `start-up` takes no time,
            `transport`, `transfer` and `step` take none, `others` leave all cores to this training, `cores`
            are never short.
        load_factor: factor of all stages inside a worker, or of some by name; such as 0.5 or
            `{"transform 2": 0.5}`.
        step_s: seconds of the step, transfer included. It takes `step_cores`, by default none, as a wait or
            a GPU does.
        step_cores: cores that the step keeps busy.
    """

    num_workers: int | None = None
    prefetch_factor: int | None = None
    in_order: bool | None = None
    persistent_workers: bool | None = None
    num_threads: int | None = None
    without: Collection[str] = ()
    load_factor: float | Mapping[str, float] = field(default=1.0)
    step_s: float | None = None
    step_cores: float | None = None

    @property
    def factors(self) -> dict[str, float]:
        """Factor of each named stage; the name `all` stands for every stage."""
        given = self.load_factor
        return dict(given) if isinstance(given, Mapping) else {"all": float(given)}

    def count_workers(self, setup: LoaderSetup) -> int:
        """Return the number of workers after the change."""
        return setup.num_workers if self.num_workers is None else self.num_workers

    def count_threads(self, setup: LoaderSetup) -> int:
        """Return the number of torch's threads after the change."""
        return setup.num_threads if self.num_threads is None else self.num_threads

    def find_prefetch_factor(self, setup: LoaderSetup) -> int:
        """Return the batches that each worker loads ahead after the change."""
        return self.prefetch_factor or setup.prefetch_factor or PREFETCH_FACTOR

    def is_in_order(self, setup: LoaderSetup) -> bool:
        """Tell whether batches come in the sampler's order after the change."""
        return setup.in_order if self.in_order is None else self.in_order

    def is_persistent(self, setup: LoaderSetup) -> bool:
        """Tell whether workers live on between epochs after the change."""
        return setup.persistent_workers if self.persistent_workers is None else self.persistent_workers

    def makes_sense(self, setup: LoaderSetup, stages: Collection[str]) -> bool:
        """Tell whether the change can be made.

        Args:
            setup: the configuration.
            stages: names of the stages inside a worker.
        """
        named = {*self.without} - {*LOSSES} | {*self.factors} - {"all"}
        times = [*self.factors.values(), self.step_s or 0.0, self.step_cores or 0.0]
        if not named <= {*stages} or min(times) < 0:
            return False
        knobs = self.prefetch_factor, self.in_order, self.persistent_workers
        turned = [value for value in (self.num_workers, *knobs) if value is not None]
        if turned and not setup.has_dataloader:
            return False
        workers = self.count_workers(setup)
        if workers < 0 or (self.prefetch_factor is not None and self.prefetch_factor < 1):
            return False
        return workers > 0 or all(value is None for value in knobs)
