"""RingSpec: the knobs of a RingLoader, for the families that use one."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from typing_extensions import Self

from loaders.data.image_split import ImageSplit
from loaders.data.rows import Rows
from loaders.device.chunk import Chunk
from loaders.device.device_transform import DeviceTransform
from loaders.native import native
from loaders.ring.ring_loader import RingLoader, idle_cores
from loaders.spec.dataloader_spec import PIN_MEMORY
from loaders.spec.example_code import ExampleCode
from loaders.spec.knobs import Choice, Integer, Knob, Switch, knob
from loaders.spec.loader_spec import DATA_COMMENT, VALIDITY_COMMENT, LoaderSpec

LOADER_THREADS = Knob(
    "loader_threads",
    Integer(0, 64, optional=True),
    help="threads of a ring that load beside the training thread; none is one for each core that torch "
    "leaves free, at most 2, or 4 with a CUDA device",
    quick=(0, 1),
    full=(0, 1, 2),
)
PREFETCH_BATCHES = Knob(
    "prefetch_batches",
    Integer(1, 1024),
    help="batches that the threads of a ring load ahead",
)
COPY = Knob(
    "copy",
    Switch(),
    help="deliver batches in memory of their own, which stay valid, instead of reused buffers",
)
SCALE_ON = Knob(
    "scale_on",
    Choice(("host", "device"), optional=True),
    help="where pictures are scaled and resized; device copies a quarter of the bytes to a CUDA device; none "
    "is device if there is one",
    full=("host", "device"),
)
# Threads that load beside a GPU. Neither this nor the next number has been measured on a GPU yet.
MOST_BESIDE_CUDA = 4
# Bytes of pictures that are copied at once: the copy takes longer than its launch, and an epoch doesn't wait
# long for its first batch.
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class RingSpec(LoaderSpec):
    """A loader that uses a RingLoader: batch n is valid until batch n+2 is requested.

    With `scale_on="device"`, the loader that `build` returns delivers uint8 (B, 1, H, W) as stored;
    `pipeline` delivers float32 either way.

    Attributes:
        loader_threads: threads that load beside the training thread; default None: one for each core that
            torch leaves free, at most 2.
        prefetch_batches: batches that the threads load ahead; default 2.
        pin_memory: whether the ring lies in page-locked memory; default None: if there is a CUDA device to
            feed.
        copy: whether batches have memory of their own and stay valid; default False.
        scale_on: `host` or `device`, where pictures are scaled and resized; default None: the CUDA device if
            there is one.
    """

    loader_threads: int | None = knob(LOADER_THREADS, None)
    prefetch_batches: int = knob(PREFETCH_BATCHES, 2)
    pin_memory: bool | None = knob(PIN_MEMORY, None)
    copy: bool = knob(COPY, False)
    scale_on: str | None = knob(SCALE_ON, None)

    def resolve(self, *, cuda: bool = False) -> Self:
        """Return a copy with the fastest value for each `none`."""
        pinned = cuda and not self.copy if self.pin_memory is None else self.pin_memory
        scale_on = self.scale_on or ("device" if cuda else "host")
        transfer = self.transfer or ("prefetch" if cuda else None)
        # Beside a GPU, torch's own threads are mostly idle.
        loader_threads = (
            idle_cores(beside=1, most=MOST_BESIDE_CUDA)
            if cuda and self.loader_threads is None
            else self.loader_threads
        )
        return replace(
            self, pin_memory=pinned, scale_on=scale_on, transfer=transfer, loader_threads=loader_threads
        )

    def invalid(self, *, cuda: bool) -> str | None:
        """Return why these values can't be combined, or None.

        CUDA pins memory, and a copy out of the ring lies in ordinary memory.
        """
        if self.pin_memory and self.copy:
            return "pin_memory=on pins the ring, copy=on delivers none of it"
        if self.pin_memory and not cuda:
            return "pin_memory=on needs a CUDA device to feed"
        if self.scale_on == "device" and not cuda:
            return "scale_on=device needs a CUDA device to feed"
        return super().invalid(cuda=cuda)

    def choose_chunk(self, source: ImageSplit) -> Chunk:
        """Return as many batches as make up for the time to launch a copy."""
        height, width = source.images.shape[1:]
        if self.scale_on != "device":
            height, width = (self.resize, self.resize) if self.resize else (height, width)
            width *= 4
        batches = -(-len(source) // self.batch_size)
        return Chunk(self.batch_size, min(max(1, CHUNK_BYTES // (self.batch_size * height * width)), batches))

    def with_chunk(self, chunk: Chunk) -> Self:
        """Return a copy whose batches are whole chunks, with room for each thread to fill one."""
        prefetch_batches = self.prefetch_batches
        if chunk.batches > 1:
            prefetch_batches = max(prefetch_batches, (self.loader_threads or 0) + 1)
        return replace(super().with_chunk(chunk), prefetch_batches=prefetch_batches)

    def device_transform(self) -> DeviceTransform | None:
        """Return the scaling and resizing, if the device does them."""
        return DeviceTransform(self.resize) if self.scale_on == "device" else None

    def machine_notice(self) -> str | None:
        """Return which C compiler failed, and whether torch's slower operations gather instead."""
        found = native()
        if found.problem is not None:
            return f"{found.problem}; torch's own operations gather instead, more slowly"
        return found.notice

    def typical_samples_per_s(self) -> float:
        """Return about how many samples a second this loader delivers on two cores."""
        resizing = 0.0 if self.resize is None else (self.resize / 64) ** 2 / 700_000
        return 1 / (1 / 8_000_000 + resizing)

    def make_ring_loader(self, rows: Rows, *, shuffle: bool, seed: int) -> RingLoader:
        """Return a RingLoader with this spec's knobs.

        Args:
            rows: the pictures and labels.
            shuffle: whether each epoch has a random order.
            seed: decides the orders of all epochs.
        """
        return RingLoader(rows, shuffle=shuffle, seed=seed, **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "resize": None if self.scale_on == "device" else self.resize,
            "threads": self.loader_threads,
            "prefetch": self.prefetch_batches,
            "pin_memory": bool(self.pin_memory),
            "copy": self.copy,
            "raw": self.scale_on == "device",
        }

    def loader_code(self) -> ExampleCode:
        """Return the code of a RingLoader over pictures in memory."""
        code = ExampleCode()
        code.lines.append(DATA_COMMENT)
        self.add_ring_loader(code)
        return code

    def add_ring_loader(self, code: ExampleCode) -> None:
        """Add a RingLoader to `loader_code`, without the arguments at its defaults."""
        code.imports.append("from loaders.ring import RingLoader, Rows")
        if not self.copy and self.transfer != "prefetch":
            code.lines.append(VALIDITY_COMMENT)
        defaults = {field.name: field.default for field in fields(RingLoader)}
        changed = {name: value for name, value in self._arguments().items() if value != defaults[name]}
        code.assign("loader", "RingLoader", "Rows(images, labels)", keywords=changed)
