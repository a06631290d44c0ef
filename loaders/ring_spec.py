"""The knobs of a ring, for the families that deliver out of one."""

from __future__ import annotations

from dataclasses import dataclass

from loaders.dataloader_spec import PIN_MEMORY
from loaders.knobs import Integer, Knob, Switch, knob
from loaders.native import native
from loaders.ring import RingLoader, Rows
from loaders.spec import LoaderSpec

THREADS = Knob(
    "threads",
    Integer(0, 64, optional=True),
    help="threads that load beside the training thread; none is one for each core that torch leaves free, "
    "up to two",
    quick=(0, 1),
    full=(0, 1, 2),
)
PREFETCH = Knob(
    "prefetch",
    Integer(1, 1024),
    help="batches that threads load ahead",
)
COPY = Knob(
    "copy",
    Switch(),
    help="deliver batches that last, each in memory of its own, rather than out of a ring",
)


@dataclass(frozen=True)
class RingSpec(LoaderSpec):
    """A loader that delivers out of a ring of buffers; see `loaders.ring.RingLoader` for how long a batch
    stays valid: until the second one after it is asked for.
    """

    threads: int | None = knob(THREADS, None)
    prefetch: int = knob(PREFETCH, 2)
    pin_memory: bool = knob(PIN_MEMORY, False)
    copy: bool = knob(COPY, False)

    @property
    def lasting(self) -> bool:
        """Only copies last."""
        return self.copy

    def invalid(self, *, cuda: bool) -> str | None:
        """Memory is page-locked by CUDA, and a copy out of the ring is in ordinary memory."""
        if self.pin_memory and self.copy:
            return "pin_memory=on pins the ring, copy=on delivers none of it"
        return "pin_memory=on needs a CUDA device to feed" if self.pin_memory and not cuda else None

    def slowed_by(self) -> str | None:
        """Without a C compiler, rows are gathered by torch's own operations."""
        problem = native().problem
        return None if problem is None else f"{problem}; torch's own operations gather instead, more slowly"

    def typical_samples_per_s(self) -> float:
        """Two cores."""
        resizing = 0.0 if self.resize is None else (self.resize / 64) ** 2 / 700_000
        return 1 / (1 / 8_000_000 + resizing)

    def ring_loader(self, rows: Rows, *, shuffle: bool, seed: int) -> RingLoader:
        """A RingLoader over these rows with this spec's knobs."""
        return RingLoader(
            rows,
            batch_size=self.batch_size,
            resize=self.resize,
            threads=self.threads,
            prefetch=self.prefetch,
            pin_memory=self.pin_memory,
            copy=self.copy,
            shuffle=shuffle,
            seed=seed,
        )
