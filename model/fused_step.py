"""The closed-form descent in two or three CUDA kernels, for a step that runs as a CUDA graph.

What `model.train_step.AnalyticStep` does in a dozen operations of torch is done here by two
kernels, or by three where a batch is large enough to be split: `model.fused_kernels` has them.
They need Triton, which is imported where a `FusedDescent` is made and not before.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from model.losses import CrossEntropy, Huber, Loss, Squared
from model.softmax_regression import SoftmaxRegression

MAX_CLASSES = 128
# Places within the weight, of up to 128 classes, are counted in 32 bits.
MAX_PIXELS = 2**23
MIN_CAPABILITY = (7, 0)

# Two for each of an H100's 132 multiprocessors.
PROGRAMS = 264
LARGEST_UNSPLIT_BATCH = 512
# Weights that a program of the third kernel moves.
SUMS_ELEMENTS = 64


def problem(loss: Loss, classes: int, pixels: int) -> str | None:
    """Return in one line why a `FusedDescent` can't be used here, None where it can."""
    if not loss.gradient_is_continuous:
        return f"the fused step adds in an order of its own, and the gradient of {loss.name} jumps"
    if _formula(loss) is None:
        return f"the fused step has no kernel for {loss.name}; it has cross_entropy, squared and huber"
    if not 1 <= classes <= MAX_CLASSES:
        return f"the fused step takes 1 to {MAX_CLASSES} classes, and these are {classes}"
    if not 1 <= pixels <= MAX_PIXELS:
        return f"the fused step takes images of 1 to {MAX_PIXELS} pixels, and these have {pixels}"
    if torch.version.cuda is None or not torch.cuda.is_available():
        return "the fused step needs an NVIDIA GPU, and torch sees none"
    capability = torch.cuda.get_device_capability()
    if capability < MIN_CAPABILITY:
        return "the fused step needs a GPU of compute capability 7.0 or higher, and this has {}.{}".format(
            *capability
        )
    try:
        _kernels()
    except ImportError as error:
        return f"the fused step needs triton, and import triton says: {' '.join(str(error).split())}"
    return _missing_to_compile()


@dataclass(frozen=True)
class Tiling:
    """How the kernels share out a batch: what changes with a batch's size and not with its data."""

    samples_block: int
    """Samples that a program of the first kernel takes."""
    warps: int
    """Warps of such a program; each thread has a pixel of its own."""
    unroll: int
    """Blocks of pixels that such a program loads before it uses the first one."""
    classes_block: int
    """Classes, a power of two, that a program of the second kernel takes."""
    pixels_each: int
    """Pixels that each of its threads takes, 1 or 4."""
    pixels_block: int
    """Threads beside each other, each with pixels of its own."""
    product_warps: int
    """Warps of such a program."""
    product_unroll: int
    """Rounds of samples that such a program loads before it uses the first one."""
    splits: int
    """Parts of the batch that the second kernel takes side by side; with one it moves the model itself."""
    split_size: int
    """Samples in each part."""

    @property
    def product_samples_block(self) -> int:
        """Samples that a program of the second kernel takes in one round."""
        return self.product_warps * 32 // self.pixels_block

    @classmethod
    def of(cls, batch_size: int, classes: int, pixels: int) -> Tiling:
        """Return the tiling for batches of one size."""
        padded = _power_of_two(classes)
        small = batch_size <= LARGEST_UNSPLIT_BATCH
        # Each thread holds as many sums as samples times classes.
        samples_block = max(1, min(2 if small else 4, 64 // padded))
        # The more programs, the fewer warps each: a warp more adds all of its sums to the others'.
        programs = -(-batch_size // samples_block)
        warps = max(1, min(4, _power_of_two(4 * PROGRAMS // programs)))
        blocks = -(-pixels // (32 * warps))
        # What is loaded and not yet used must fit into a thread's registers, beside its sums.
        fitting = 128 // (classes + samples_block)
        unroll = max(1, min(blocks if blocks <= 8 else 4, fitting))
        # The block of gradients must have fewer elements than a program has threads: Triton would else
        # load it once for all threads and hand it out through shared memory, in every round anew.
        if small:
            classes_block, pixels_each, pixels_block, product_warps, product_unroll = 4, 1, 8, 8, 8
        else:
            classes_block, pixels_each, pixels_block, product_warps, product_unroll = 16, 4, 32, 4, 4
        step = product_warps * 32 // pixels_block * product_unroll
        wide = -(-(pixels + 1) // (pixels_each * pixels_block)) * -(-classes // classes_block)
        most = 1 if small else max(2, PROGRAMS // wide)
        split_size = step * -(-batch_size // (step * most))
        return cls(
            samples_block=samples_block,
            warps=warps,
            unroll=unroll,
            classes_block=min(classes_block, padded),
            pixels_each=pixels_each,
            pixels_block=pixels_block,
            product_warps=product_warps,
            product_unroll=product_unroll,
            splits=-(-batch_size // split_size),
            split_size=split_size,
        )


@dataclass(frozen=True)
class _Workspace:
    tiling: Tiling
    gradients: Tensor
    losses: Tensor
    partials: Tensor


class FusedDescent:
    """Moves a model by one batch after another, as `AnalyticStep` does but for rounding.

    A call never waits for the device and, for a batch size that `prepare` has seen, allocates
    nothing and compiles nothing: a CUDA graph can capture it. A label outside [0, classes) counts
    as no class at all; it is not noticed. The same batches leave the same bits every time.
    """

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        self._kernels = _kernels()
        formula = _formula(loss)
        if formula is None:
            raise ValueError(f"no kernel for the loss {loss.name}; allowed: cross_entropy, squared, huber")
        self._model = model
        self._learning_rate = learning_rate
        self._classes, self._pixels = model.weight.shape
        self._loss = {"LOSS": formula, "DELTA": loss.delta if isinstance(loss, Huber) else 0.0}
        self._shape = {"PIXELS": self._pixels, "CLASSES": self._classes}
        # A graph goes on using the memory that it was captured with, so none is ever given up.
        self._workspaces: dict[int, _Workspace] = {}

    def prepare(self, batch_size: int) -> None:
        """Allocate the memory and compile the kernels for a batch size; not while a graph is captured."""
        if batch_size in self._workspaces:
            return
        tiling = Tiling.of(batch_size, self._classes, self._pixels)
        losses = -(-batch_size // tiling.samples_block)
        partials = tiling.splits * self._classes * (self._pixels + 1) if tiling.splits > 1 else 0
        empty = self._model.weight.new_empty
        workspace = _Workspace(
            tiling, empty(self._classes * batch_size), empty(losses), empty(max(1, partials))
        )
        self._rehearse(workspace)
        self._workspaces[batch_size] = workspace

    def __call__(self, images: Tensor, labels: Tensor, total: Tensor) -> None:
        """Move the model by one batch, and add the sum of its losses before the move to `total`.

        `images` are float32 (B, 1, H, W), `labels` int64 (B,), `total` float64 (), all on the model's
        device. Raises ValueError for images or labels of another dtype, or not contiguous.
        """
        if images.dtype != torch.float32 or not images.is_contiguous():
            raise ValueError(f"images are {_form(images)}; they must be torch.float32 and contiguous")
        if labels.dtype != torch.int64 or not labels.is_contiguous():
            raise ValueError(f"labels are {_form(labels)}; they must be torch.int64 and contiguous")
        batch_size = labels.shape[0]
        self.prepare(batch_size)
        rate = -self._learning_rate / batch_size
        self._launch(self._workspaces[batch_size], self._model, images, labels, total, batch_size, rate)

    def _rehearse(self, workspace: _Workspace) -> None:
        """Compile and load the kernels, by a batch without samples on a model of its own."""
        model = SoftmaxRegression(torch.zeros_like(self._model.weight), torch.zeros_like(self._model.bias))
        labels = torch.zeros(1, dtype=torch.int64, device=model.bias.device)
        total = torch.zeros((), dtype=torch.float64, device=model.bias.device)
        self._launch(workspace, model, workspace.gradients, labels, total, 0, 0.0)

    def _launch(
        self,
        workspace: _Workspace,
        model: SoftmaxRegression,
        images: Tensor,
        labels: Tensor,
        total: Tensor,
        batch_size: int,
        rate: float,
    ) -> None:
        tiling, kernels = workspace.tiling, self._kernels
        gradients, losses, partials = workspace.gradients, workspace.losses, workspace.partials
        programs = max(1, -(-batch_size // tiling.samples_block))
        pixel_blocks = -(-(self._pixels + 1) // (tiling.pixels_each * tiling.pixels_block))
        class_blocks = -(-self._classes // tiling.classes_block)
        products_grid = (pixel_blocks, tiling.splits, class_blocks)
        elements = self._classes * (self._pixels + 1)
        splits, sums_grid = tiling.splits, (-(-elements // SUMS_ELEMENTS),)
        if batch_size == 0:
            splits, products_grid, sums_grid = 0, (1, 1, 1), (1,)
        # Triton launches on the current device, which need not be the model's.
        with torch.cuda.device_of(model.weight):  # type: ignore[no-untyped-call]
            kernels.write_gradients[(programs,)](
                images,
                labels,
                model.weight,
                model.bias,
                gradients,
                losses,
                batch_size,
                **self._shape,
                **self._loss,
                SAMPLES_BLOCK=tiling.samples_block,
                CLASSES_BLOCK=_power_of_two(self._classes),
                PIXELS_BLOCK=32 * tiling.warps,
                UNROLL=tiling.unroll,
                num_warps=tiling.warps,
                enable_fp_fusion=True,
            )
            kernels.multiply_gradients[products_grid](
                images,
                gradients,
                losses,
                total,
                model.weight,
                model.bias,
                partials,
                batch_size,
                tiling.split_size,
                programs,
                rate,
                **self._shape,
                SPLIT=tiling.splits > 1,
                SAMPLES_BLOCK=tiling.product_samples_block,
                CLASSES_BLOCK=tiling.classes_block,
                PIXELS_BLOCK=tiling.pixels_block,
                PIXELS_EACH=tiling.pixels_each,
                LOSSES_BLOCK=32 * tiling.product_warps,
                UNROLL=tiling.product_unroll,
                num_warps=tiling.product_warps,
                enable_fp_fusion=True,
            )
            if tiling.splits > 1:
                kernels.add_partials[sums_grid](
                    partials,
                    model.weight,
                    model.bias,
                    splits,
                    rate,
                    **self._shape,
                    SPLITS_BLOCK=16,
                    ELEMENTS_BLOCK=SUMS_ELEMENTS,
                    num_warps=4,
                    enable_fp_fusion=True,
                )


def _kernels() -> ModuleType:
    """Import the kernels, and Triton with them; raises ImportError where that can't be had."""
    return importlib.import_module("model.fused_kernels")


def _formula(loss: Loss) -> str | None:
    """Return the name that the kernels know a loss's formula by, None for a loss that they don't know."""
    # Not isinstance: a subclass with a gradient of its own would be trained with its parent's.
    return {CrossEntropy: "cross_entropy", Squared: "squared", Huber: "huber"}.get(type(loss))


def _missing_to_compile() -> str | None:
    """Return what Triton lacks for the C code that it compiles to launch a kernel, None for nothing."""
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "the fused step needs a C compiler for triton, and there is neither CC nor gcc nor clang"
    header = Path(sysconfig.get_paths()["include"], "Python.h")
    if not header.is_file():
        return f"the fused step needs Python's headers for triton, and {header} is missing"
    return None


def _power_of_two(number: int) -> int:
    """Return the least power of two that is not below `number`."""
    return 1 << max(0, number - 1).bit_length()


def _form(tensor: Tensor) -> str:
    return f"{tensor.dtype} and {'' if tensor.is_contiguous() else 'not '}contiguous"
