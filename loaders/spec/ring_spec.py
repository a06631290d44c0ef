"""The knobs of a ring, for the families that deliver out of one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from typing_extensions import Self

from loaders.data.image_split import ImageSplit
from loaders.data.rows import Rows
from loaders.device.device_transform import DeviceTransform
from loaders.native import native
from loaders.ring.ring_loader import RingLoader, idle_cores
from loaders.spec.dataloader_spec import PIN_MEMORY
from loaders.spec.knobs import Choice, Integer, Knob, Switch, knob
from loaders.spec.loader_spec import LoaderSpec

LOADER_THREADS = Knob(
    "loader_threads",
    Integer(0, 64, optional=True),
    help="threads that load beside the training thread; none is one for each core that torch leaves free, "
    "up to two, and up to four where a GPU trains",
    quick=(0, 1),
    full=(0, 1, 2),
)
PREFETCH_BATCHES = Knob(
    "prefetch_batches",
    Integer(1, 1024),
    help="batches that threads load ahead",
)
COPY = Knob(
    "copy",
    Switch(),
    help="deliver batches that last, each in memory of its own, rather than out of a ring",
)
SCALE_ON = Knob(
    "scale_on",
    Choice(("host", "device"), optional=True),
    help="where pictures are scaled and resized: on the host, or on the CUDA device, to which a quarter of "
    "the bytes go then; none is the device where there is one",
    full=("host", "device"),
)
# Neither of these was tried on a GPU yet. Threads that load beside one:
MOST_BESIDE_CUDA = 4
# Of pictures that cross at once: enough for a copy to take longer than its launch, and few enough for an
# epoch not to wait long for its first ones.
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class RingSpec(LoaderSpec):
    """A loader that delivers out of a ring of buffers; see `loaders.ring.RingLoader` for how long a batch
    stays valid: until the second one after it is asked for.

    With scale_on=device, what `build` delivers is uint8 (B, 1, H, W) as it is stored; `pipeline` delivers the
    same as without.
    """

    loader_threads: int | None = knob(LOADER_THREADS, None)
    prefetch_batches: int = knob(PREFETCH_BATCHES, 2)
    pin_memory: bool | None = knob(PIN_MEMORY, None)
    copy: bool = knob(COPY, False)
    scale_on: str | None = knob(SCALE_ON, None)

    def resolved(self, *, cuda: bool = False) -> Self:
        """Where there is a device to feed, `none` becomes what feeds it fastest."""
        pinned = cuda and not self.copy if self.pin_memory is None else self.pin_memory
        scale_on = self.scale_on or ("device" if cuda else "host")
        transfer = self.transfer or ("prefetch" if cuda else None)
        # torch's own threads have next to nothing to do beside a GPU.
        loader_threads = (
            idle_cores(beside=1, most=MOST_BESIDE_CUDA)
            if cuda and self.loader_threads is None
            else self.loader_threads
        )
        return replace(
            self, pin_memory=pinned, scale_on=scale_on, transfer=transfer, loader_threads=loader_threads
        )

    def invalid(self, *, cuda: bool) -> str | None:
        """Memory is page-locked by CUDA, and a copy out of the ring is in ordinary memory."""
        if self.pin_memory and self.copy:
            return "pin_memory=on pins the ring, copy=on delivers none of it"
        if self.pin_memory and not cuda:
            return "pin_memory=on needs a CUDA device to feed"
        if self.scale_on == "device" and not cuda:
            return "scale_on=device needs a CUDA device to feed"
        return super().invalid(cuda=cuda)

    def chunk_batches(self, source: ImageSplit) -> int:
        """As many as make up for what it takes to launch a copy."""
        height, width = source.images.shape[1:]
        if self.scale_on != "device":
            height, width = (self.resize, self.resize) if self.resize else (height, width)
            width *= 4
        batches = -(-len(source) // self.batch_size)
        return min(max(1, CHUNK_BYTES // (self.batch_size * height * width)), batches)

    def with_chunk(self, chunk_batches: int) -> Self:
        """With room for each thread to fill one of the larger batches."""
        prefetch_batches = (
            max(self.prefetch_batches, (self.loader_threads or 0) + 1)
            if chunk_batches > 1
            else self.prefetch_batches
        )
        return replace(super().with_chunk(chunk_batches), prefetch_batches=prefetch_batches)

    def device_transform(self) -> DeviceTransform | None:
        """Scaling and resizing, where they are the device's."""
        return DeviceTransform(self.resize) if self.scale_on == "device" else None

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
            resize=None if self.scale_on == "device" else self.resize,
            threads=self.loader_threads,
            prefetch=self.prefetch_batches,
            pin_memory=bool(self.pin_memory),
            copy=self.copy,
            raw=self.scale_on == "device",
            shuffle=shuffle,
            seed=seed,
        )
