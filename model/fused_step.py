"""FusedDescent: the analytic step in two or three CUDA kernels, for a step that runs as a CUDA graph.

`model.train_step.AnalyticStep` takes a dozen operations of torch for a batch. This one takes two
kernels, or three if the batch is large enough to be split. `model.fused_kernels` holds the kernels.
They need Triton, which is imported when a `FusedDescent` is made and not before.
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
from model.tiling import Tiling, round_up_to_power_of_two

MAX_CLASSES = 128
# The kernels count the elements of the weight, of up to 128 classes, in 32 bits.
MAX_PIXELS = 2**23
MIN_CAPABILITY = (7, 0)

# Weights for each program of the third kernel.
SUMS_ELEMENTS = 64


def find_problem(loss: Loss, classes: int, pixels: int) -> str | None:
    """Return the reason, in one line, why a `FusedDescent` can't be used here; None if it can.

    Args:
        loss: the loss to train with.
        classes: number of classes.
        pixels: H * W of the images.
    """
    if not loss.gradient_is_continuous:
        return f"the fused step adds in an order of its own, and the gradient of {loss.name} jumps"
    if _find_formula(loss) is None:
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
        _import_kernels()
    except ImportError as error:
        return f"the fused step needs triton, and import triton says: {' '.join(str(error).split())}"
    return _find_missing_compiler()


@dataclass(frozen=True)
class _Workspace:
    """The memory that the kernels share for batches of one size."""

    tiling: Tiling
    gradients: Tensor
    losses: Tensor
    partials: Tensor


@dataclass(frozen=True)
class _Batch:
    images: Tensor
    labels: Tensor
    size: int


class FusedDescent:
    """A descent by Triton's kernels that moves a model as `AnalyticStep` does, but for rounding.

    A call never waits for the device. For a batch size that `prepare` has seen it allocates nothing and
    compiles nothing, so that a CUDA graph can capture it. A label outside [0, classes) counts as no class
    at all, and goes unnoticed. The same batches leave the same bits every time.

    Args:
        model: the model to train.
        loss: the loss to train with.
        learning_rate: finite and above 0.

    Raises:
        ImportError: Triton can't be imported.
        ValueError: the loss has no kernel.
    """

    def __init__(self, model: SoftmaxRegression, loss: Loss, learning_rate: float) -> None:
        self._kernels = _import_kernels()
        formula = _find_formula(loss)
        if formula is None:
            raise ValueError(f"no kernel for the loss {loss.name}; allowed: cross_entropy, squared, huber")
        self._model = model
        self._learning_rate = learning_rate
        self._classes, self._pixels = model.weight.shape
        self._loss = {"LOSS": formula, "DELTA": loss.delta if isinstance(loss, Huber) else 0.0}
        self._shape = {"PIXELS": self._pixels, "CLASSES": self._classes}
        # A graph goes on using the memory that it was captured with, so no workspace is ever freed.
        self._workspaces: dict[int, _Workspace] = {}

    def prepare(self, batch_size: int) -> None:
        """Allocate the memory and compile the kernels for a batch size. Don't call it during a capture."""
        if batch_size in self._workspaces:
            return
        tiling = Tiling.choose(batch_size, self._classes, self._pixels)
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

        Args:
            images: float32 (B, 1, H, W), contiguous, on the model's device.
            labels: int64 (B,), contiguous, on the model's device.
            total: float64 (), on the model's device.

        Raises:
            ValueError: images or labels have another dtype or are not contiguous.
        """
        if images.dtype != torch.float32 or not images.is_contiguous():
            raise ValueError(
                f"images are {_describe_layout(images)}; they must be torch.float32 and contiguous"
            )
        if labels.dtype != torch.int64 or not labels.is_contiguous():
            raise ValueError(
                f"labels are {_describe_layout(labels)}; they must be torch.int64 and contiguous"
            )
        batch = _Batch(images, labels, labels.shape[0])
        self.prepare(batch.size)
        self._launch(self._workspaces[batch.size], self._model, batch, total)

    def _rehearse(self, workspace: _Workspace) -> None:
        """Compile and load the kernels, by a batch without samples on a model of zeros."""
        model = SoftmaxRegression(torch.zeros_like(self._model.weight), torch.zeros_like(self._model.bias))
        labels = torch.zeros(1, dtype=torch.int64, device=model.bias.device)
        total = torch.zeros((), dtype=torch.float64, device=model.bias.device)
        self._launch(workspace, model, _Batch(workspace.gradients, labels, size=0), total)

    def _launch(self, workspace: _Workspace, model: SoftmaxRegression, batch: _Batch, total: Tensor) -> None:
        tiling, kernels = workspace.tiling, self._kernels
        gradients, losses, partials = workspace.gradients, workspace.losses, workspace.partials
        rate = -self._learning_rate / max(1, batch.size)
        programs = max(1, -(-batch.size // tiling.samples_block))
        pixel_blocks = -(-(self._pixels + 1) // (tiling.pixels_each * tiling.pixels_block))
        class_blocks = -(-self._classes // tiling.classes_block)
        products_grid = (pixel_blocks, tiling.splits, class_blocks)
        elements = self._classes * (self._pixels + 1)
        splits, sums_grid = tiling.splits, (-(-elements // SUMS_ELEMENTS),)
        if batch.size == 0:
            splits, products_grid, sums_grid = 0, (1, 1, 1), (1,)
        # Triton launches on the current device, which need not be the model's.
        with torch.cuda.device_of(model.weight):  # type: ignore[no-untyped-call]
            kernels.write_gradients[(programs,)](
                batch.images,
                batch.labels,
                model.weight,
                model.bias,
                gradients,
                losses,
                batch.size,
                **self._shape,
                **self._loss,
                SAMPLES_BLOCK=tiling.samples_block,
                CLASSES_BLOCK=round_up_to_power_of_two(self._classes),
                PIXELS_BLOCK=32 * tiling.warps,
                UNROLL=tiling.unroll,
                num_warps=tiling.warps,
                enable_fp_fusion=True,
            )
            kernels.multiply_gradients[products_grid](
                batch.images,
                gradients,
                losses,
                total,
                model.weight,
                model.bias,
                partials,
                batch.size,
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


def _import_kernels() -> ModuleType:
    """Import the kernels, and Triton with them.

    Raises:
        ImportError: Triton can't be imported.
    """
    return importlib.import_module("model.fused_kernels")


def _find_formula(loss: Loss) -> str | None:
    """Return the name of a loss's formula in the kernels, None for a loss without a kernel."""
    # Not isinstance: a subclass with a gradient of its own would be trained with its parent's.
    return {CrossEntropy: "cross_entropy", Squared: "squared", Huber: "huber"}.get(type(loss))


def _find_missing_compiler() -> str | None:
    """Return a line about the tool that Triton lacks to compile a kernel's launcher, None for nothing."""
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "the fused step needs a C compiler for triton, and there is neither CC nor gcc nor clang"
    header = Path(sysconfig.get_paths()["include"], "Python.h")
    if not header.is_file():
        return f"the fused step needs Python's headers for triton, and {header} is missing"
    return None


def _describe_layout(tensor: Tensor) -> str:
    return f"{tensor.dtype} and {'' if tensor.is_contiguous() else 'not '}contiguous"
