"""What most people's data is: a PNG file a sample, a folder a class, decoded one by one in `__getitem__`."""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image
from torchvision import __version__ as torchvision_version
from torchvision import io as torchvision_io
from torchvision import transforms
from torchvision.datasets import ImageFolder as TorchvisionImageFolder

from loaders.data.batch import Batch
from loaders.data.conversion import Conversion, Progress
from loaders.data.image_split import ImageSplit
from loaders.spec.dataloader_spec import DataLoaderSpec
from loaders.spec.knobs import Choice, Knob, knob

DECODER = Knob(
    "decoder",
    Choice(("pil", "torchvision")),
    help="what reads a PNG file: pil, as ImageFolder does by default, or torchvision's own reader",
    quick=("pil", "torchvision"),
)

_SAMPLES_AT_ONCE = 1000
_NAME_LENGTH = 60


def class_folder(label: int, classes: tuple[str, ...]) -> str:
    """What the folder of a class is called: `5-Sandal`, or `0-T-shirt-top` for `T-shirt/top`.

    The number tells classes apart and gives the label. The name is for who looks at the files: whatever no
    file system minds is kept of it.
    """
    digits = len(str(len(classes) - 1))
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", classes[label])[:_NAME_LENGTH].strip("-")
    return f"{label:0{digits}}-{name}"


def write_png_files(source: ImageSplit, folder: Path, progress: Progress) -> None:
    """One 8-bit grey PNG file a sample, called by its number in the source, in the folder of its class.

    A class without samples gets no folder: ImageFolder refuses empty ones.
    """
    digits = len(str(len(source) - 1))
    folders = {label: folder / class_folder(label, source.classes) for label in set(source.labels.tolist())}
    for class_of_samples in folders.values():
        class_of_samples.mkdir()
    for start in range(0, len(source), _SAMPLES_AT_ONCE):
        pictures = source.images[start : start + _SAMPLES_AT_ONCE].numpy()
        labels = source.labels[start : start + _SAMPLES_AT_ONCE].tolist()
        for number, (picture, label) in enumerate(zip(pictures, labels, strict=True), start):
            Image.fromarray(picture).save(folders[label] / f"{number:0{digits}}.png")
        progress(start + len(labels), len(source))


CONVERSION = Conversion("image_folder", 1, write_png_files)


class NumberedImageFolder(TorchvisionImageFolder):  # type: ignore[misc]  # torchvision is not typed
    """torchvision's ImageFolder with the source's labels and order, which the names of its files tell."""

    def __init__(self, root: Path, loader: Callable[[str], Any], transform: Callable[[Any], Any]) -> None:
        super().__init__(str(root), loader=loader, transform=transform)
        self.samples.sort(key=sample_number)
        self.targets = [label for _, label in self.samples]

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """The class folders, and the label of each: its number, not its place, as classes can be empty."""
        names, _ = super().find_classes(directory)
        return names, {name: int(name.partition("-")[0]) for name in names}


def sample_number(sample: tuple[str, int]) -> int:
    """The number that the file of an ImageFolder's sample (path, label) is called by."""
    return int(os.path.splitext(os.path.basename(sample[0]))[0])  # noqa: PTH119, PTH122  # a Path is slow to make


def read_with_pil(path: str) -> Image.Image:
    """The picture in that file, in 8-bit grey."""
    with open(path, "rb") as file:  # noqa: PTH123  # as ImageFolder's own loader does
        return Image.open(file).convert("L")


def read_with_torchvision(path: str) -> torch.Tensor:
    """The picture in that file: uint8 (1, H, W)."""
    return decode_with_torchvision(torchvision_io.read_file(path))


def decode_with_torchvision(png: torch.Tensor) -> torch.Tensor:
    """The picture in the bytes of a file, uint8 (length,): uint8 (1, H, W)."""
    pixels: torch.Tensor = torchvision_io.decode_image(png, mode=torchvision_io.ImageReadMode.GRAY)
    return pixels


def torchvision_reads_png() -> bool:
    """Whether this torchvision has a PNG reader, which only a call tells.

    Some are built without one; and 0.29 deprecates it (for TorchCodec), so that a later one has none.
    """
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            decode_with_torchvision(torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8))
        except (RuntimeError, AttributeError):
            return False
    return True


@dataclass(frozen=True)
class ImageFolder(DataLoaderSpec):
    """One PNG file opened, decoded and converted a sample.

    `resize` is bilinear and antialiased, rounded to uint8, before the conversion to float: PIL's where PIL
    decodes, else torchvision's on the tensor.
    """

    shown_unasked: ClassVar[bool] = False

    decoder: str = knob(DECODER, "pil")

    def unavailable(self) -> str | None:
        """torchvision's own decoder is no part of every build."""
        if self.decoder == "torchvision" and not torchvision_reads_png():
            return (
                f"decoder=torchvision needs a torchvision that reads PNG, {torchvision_version} doesn't: "
                f"install another build of it from pytorch.org, or take decoder=pil"
            )
        return None

    def typical_samples_per_s(self) -> float:
        """Two cores, with any number of workers, the files in the system's cache."""
        if self.resize is None:
            return 15_000
        slower = 0.4 if self.decoder == "pil" else 1.5
        return 15_000 / (1 + slower * (self.resize / 64) ** 2)

    def prepare(self, source: ImageSplit, progress: Progress | None = None) -> None:
        """Write the PNG files, or check every byte of them."""
        CONVERSION.prepare(source, progress, verify=True)

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """A DataLoader over torchvision's ImageFolder."""
        steps: list[Callable[[Any], Any]] = []
        if self.resize is not None:
            steps.append(transforms.Resize((self.resize, self.resize), antialias=True))
        if self.decoder == "pil":
            loader: Callable[[str], Any] = read_with_pil
            steps.append(transforms.ToTensor())
        else:
            loader = read_with_torchvision
            steps.append(transforms.ConvertImageDtype(torch.float32))
        dataset = NumberedImageFolder(CONVERSION.prepare(source), loader, transforms.Compose(steps))
        return self.dataloader(dataset, shuffle=shuffle, seed=seed)
