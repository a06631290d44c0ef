"""LoaderSpec: the knobs of one loader of pictures, and its construction from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace

from typing_extensions import Self

from loaders.data.batch import Batch
from loaders.data.conversion import Progress
from loaders.data.image_split import ImageSplit
from loaders.device.chunk import Chunk
from loaders.device.device_transform import DeviceTransform
from loaders.device.pipeline import TRANSFERS, Pipeline, to_device
from loaders.spec.example_code import ExampleCode
from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import Choice, Integer, Knob, knob

BATCH_SIZE = Knob(
    "batch_size",
    Integer(1, 100_000),
    help="samples in a batch",
    quick=(1024,),
    full=(64, 256, 1024),
)
RESIZE = Knob(
    "resize",
    Integer(1, 1024, optional=True),
    help="side in pixels that pictures are resized to; none keeps their size",
    quick=(32,),
    full=(None, 64),
)
TRANSFER = Knob(
    "transfer",
    Choice(TRANSFERS, optional=True),
    help="copy to a CUDA device: .to(device), .to(device, non_blocking=True), or ahead of the loop; none is "
    "prefetch for a ring, else non_blocking if memory is pinned, else blocking",
    quick=("prefetch",),
    full=(None, "prefetch"),
)

# Comments of example code.
DATA_COMMENT = "# images: uint8 (N, H, W). labels: int64 (N,)."
VALIDITY_COMMENT = "# Batch n is valid until batch n+2 is requested, or the next epoch begins."


@dataclass(frozen=True)
class LoaderSpec(KnobSet):
    """The knobs of one loader of pictures: one family, one subclass, one file of `loaders/families/`.

    The loader that `build` returns keeps this contract, which `tests/loaders/test_contract.py` checks for
    every family:

    - Each `iter()` is an epoch.
    - It yields pairs (images, labels): float32 (B, 1, H, W) in [0, 1] and int64 (B,), in the CPU's memory
      unless the family says otherwise.
    - An epoch holds each sample exactly once, with its own label. One batch is smaller if the batch size
      doesn't divide the number of samples.
    - With `shuffle`, the same seed gives the same orders, unless a knob gives that up (`in_order=off`). The
      second epoch has another order than the first, unless `same_order_each_epoch` is True.
    - Without `shuffle`, samples come in the stored order.
    - Batches stay valid, unless the loader has the attribute `reuses_buffers = True`: then batch n is valid
      until batch n+2 is requested.
    - torch's global state (default device and dtype, deterministic algorithms, inference mode) changes
      nothing.

    Attributes:
        batch_size: samples in a batch; default 256.
        resize: side in pixels that pictures are resized to; default None keeps their size.
        transfer: how batches are copied to a CUDA device, one of `TRANSFERS`; default None is chosen by
            `resolve`.
    """

    batch_size: int = knob(BATCH_SIZE, 256)
    resize: int | None = knob(RESIZE, None)
    transfer: str | None = knob(TRANSFER, None)

    def resolve(self, *, cuda: bool = False) -> Self:
        """Return a copy in which `none` is replaced by the value that PyTorch or this machine takes for it.

        Args:
            cuda: whether the batches go to a CUDA device; default False.
        """
        if not cuda:
            return self
        pinned = "non_blocking" if self.knobs().get("pin_memory") else "blocking"
        return replace(self, transfer=self.transfer or pinned)

    def invalid(self, *, cuda: bool) -> str | None:
        """Return why these values can't be combined, or None if they can.

        Args:
            cuda: whether the batches go to a CUDA device.
        """
        if self.transfer is not None and not cuda:
            return f"transfer={self.transfer} needs a CUDA device to feed"
        return None

    def prepare(self, source: ImageSplit, progress: Progress | None = None) -> None:
        """Make the files that `build` needs beside the data, or check every byte of them.

        `build` makes them too if they are missing.

        Args:
            source: the data.
            progress: called with the samples done and all samples; default None.

        Raises:
            DataError: they can't be made.
        """
        del source, progress

    @abstractmethod
    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return a loader whose batches lie in the host's memory.

        Args:
            source: the data.
            shuffle: whether each epoch has a random order; False is the stored order.
            seed: decides the orders of all epochs.
        """

    def device_transform(self) -> DeviceTransform | None:
        """Return the work that the device must do on pictures of `build`'s loader, or None."""
        return None

    def choose_chunk(self, source: ImageSplit) -> Chunk:
        """Return how many batches are best loaded and prefetched at once; one, unless a family says more."""
        del source
        return Chunk(self.batch_size)

    def with_chunk(self, chunk: Chunk) -> Self:
        """Return a copy whose batches are whole chunks."""
        return replace(self, batch_size=chunk.samples)

    def pipeline(self, source: ImageSplit, *, device: str, shuffle: bool, seed: int) -> Pipeline:
        """Return a loader whose batches arrive on the device.

        Args:
            source: the data.
            device: `cpu`, or `cuda` for a spec that `resolve(cuda=True)` returned.
            shuffle: whether each epoch has a random order; False is the stored order.
            seed: decides the orders of all epochs.

        Raises:
            ValueError: the device is a CUDA device, and `transfer` is None.
        """
        if device == "cpu":
            return Pipeline(self.build(source, shuffle=shuffle, seed=seed))
        if self.transfer is None:
            raise ValueError(
                f"transfer is None, expected {', '.join(TRANSFERS)}: call resolve(cuda=True) first"
            )
        chunk = self.choose_chunk(source) if self.transfer == "prefetch" else Chunk(self.batch_size)
        loader = self.with_chunk(chunk).build(source, shuffle=shuffle, seed=seed)
        return to_device(loader, device, self.transfer, device_transform=self.device_transform(), chunk=chunk)

    def example_code(self, source: ImageSplit | None = None) -> list[str]:
        """Return the lines of Python that make this loader in a script of the user's own.

        They name `images`, uint8 (N, H, W), and `labels`, int64 (N,), or a `dataset`, and leave the loader in
        `loader`. Arguments at their defaults are left out.

        Args:
            source: the data, whose size decides how many batches are prefetched at once. Default None: each
                batch is copied by itself.
        """
        chunk = Chunk(self.batch_size)
        if source is not None and self.transfer == "prefetch":
            chunk = self.choose_chunk(source)
        code = self.with_chunk(chunk).loader_code()
        if self.transfer is not None:
            self.add_transfer(code, chunk)
        return code.join()

    def loader_code(self) -> ExampleCode:
        """Return the part of `example_code` that makes the loader in the host's memory.

        It calls `build` on an ImageSplit of the user's own, unless a family has shorter code.
        """
        kind = type(self)
        defaults = kind().resolve(cuda=self.transfer is not None).knobs()
        changed = {name: value for name, value in self.knobs().items() if value != defaults[name]}
        changed.pop("transfer", None)
        code = ExampleCode(
            "import hashlib",
            "from pathlib import Path",
            "from loaders.data.image_split import ImageSplit",
            f"from {kind.__module__} import {kind.__name__}",
        )
        code.lines += [
            f"{DATA_COMMENT} The loader keeps its files in `folder`.",
            "digest = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()",
            'split = ImageSplit("mine", digest, images, labels, classes=(), folder=Path("converted"))',
        ]
        code.assign("spec", kind.__name__, keywords={"batch_size": self.batch_size, **changed})
        code.lines.append("loader = spec.build(split, shuffle=True, seed=0)")
        return code

    def add_transfer(self, code: ExampleCode, chunk: Chunk) -> None:
        """Add the copy to a CUDA device to `example_code`."""
        code.imports.append("from loaders.device.pipeline import to_device")
        if self.transfer == "prefetch":
            code.lines.append(VALIDITY_COMMENT)
        keywords: dict[str, object] = {}
        transform = self.device_transform()
        if transform is not None and self.resize is not None:
            code.imports.append("from loaders.device.device_transform import DeviceTransform")
            keywords["device_transform"] = transform
        if chunk.batches > 1:
            code.imports.append("from loaders.device.chunk import Chunk")
            keywords["chunk"] = chunk
        code.assign("loader", "to_device", "loader", '"cuda"', f'"{self.transfer}"', keywords=keywords)
