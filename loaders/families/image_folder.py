"""A folder of PNG files, one a sample, in a folder for each class, as most people have their data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image

from loaders.data.batch import Batch
from loaders.data.conversion import Conversion, Progress
from loaders.data.image_split import ImageSplit
from loaders.spec.dataloader_spec import DataLoaderSpec
from loaders.spec.example_code import ExampleCode
from loaders.spec.knobs import Choice, Knob, knob

DECODER = Knob(
    "decoder",
    Choice(("pil", "torchvision")),
    help="reader of PNG files: pil, ImageFolder's default, or torchvision's own",
    quick=("pil", "torchvision"),
)

_SAMPLES_AT_ONCE = 1000
_NAME_LENGTH = 60


def class_folder(label: int, classes: tuple[str, ...]) -> str:
    """Return the name of a class's folder: `5-Sandal`, or `0-T-shirt-top` for `T-shirt/top`.

    The number is the label. The name is for people: the characters that every file system allows are kept.

    Args:
        label: the class's number.
        classes: the names of all classes.
    """
    digits = len(str(len(classes) - 1))
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", classes[label])[:_NAME_LENGTH].strip("-")
    return f"{label:0{digits}}-{name}"


def write_png_files(source: ImageSplit, folder: Path, progress: Progress) -> None:
    """Write one 8-bit grey PNG file for each sample, named by its number, in the folder of its class.

    A class without samples gets no folder, since ImageFolder refuses empty ones.

    Args:
        source: the data.
        folder: where the class folders are made.
        progress: called with the samples written and all samples.
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


@dataclass(frozen=True)
class ImageFolder(DataLoaderSpec):
    """One PNG file opened, decoded and converted for each sample.

    `resize` is bilinear, antialiased and rounded to uint8, before the conversion to float. It is PIL's if PIL
    decodes, else torchvision's on the tensor.

    Attributes:
        decoder: `pil` or `torchvision`, the reader of PNG files; default `pil`.
    """

    shown_unasked: ClassVar[bool] = False
    late_modules: ClassVar[tuple[str, ...]] = (
        "loaders.data.numbered_image_folder",
        "loaders.data.png_readers",
    )
    needs_torchvision: ClassVar[bool] = True

    decoder: str = knob(DECODER, "pil")

    def unavailable(self) -> str | None:
        """Return that this torchvision can't read PNG files, with the cure, or None."""
        if self.decoder != "torchvision":
            return None
        # torchvision takes over a second to import.
        from loaders.data.png_readers import torchvision_reads_png

        if not torchvision_reads_png():
            return (
                f"decoder=torchvision needs a torchvision that reads PNG, {version('torchvision')} doesn't: "
                f"install another build of it from pytorch.org, or take decoder=pil"
            )
        return None

    def typical_samples_per_s(self) -> float:
        """Return the rate on two cores, with any number of workers and the files in the system's cache."""
        if self.resize is None:
            return 15_000
        slower = 0.4 if self.decoder == "pil" else 1.5
        return 15_000 / (1 + slower * (self.resize / 64) ** 2)

    def prepare(self, source: ImageSplit, progress: Progress | None = None) -> None:
        """Write the PNG files, or check every byte of them; raise DataError if they can't be written."""
        CONVERSION.prepare(source, progress, verify=True)

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return a DataLoader over torchvision's ImageFolder; raise DataError if there are no files."""
        # torchvision takes over a second to import. A command that only plans or prints needn't wait for it.
        from torchvision import transforms

        from loaders.data.numbered_image_folder import NumberedImageFolder
        from loaders.data.png_readers import read_with_pil, read_with_torchvision

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
        return self.make_dataloader(dataset, shuffle=shuffle, seed=seed)

    def loader_code(self) -> ExampleCode:
        """Return the code of a DataLoader over an ImageFolder of the user's own."""
        reader = f"read_with_{self.decoder}"
        code = ExampleCode(
            "from torchvision import transforms",
            "from torchvision.datasets import ImageFolder",
            f"from loaders.data.png_readers import {reader}",
        )
        steps = [] if self.resize is None else [f"transforms.Resize(({self.resize}, {self.resize}))"]
        if self.decoder == "pil":
            steps.append("transforms.ToTensor()")
        else:
            code.imports.append("import torch")
            steps.append("transforms.ConvertImageDtype(torch.float32)")
        code.lines += [
            "# folder: one folder of grey pictures for each class.",
            f"transform = transforms.Compose([{', '.join(steps)}])",
            f"dataset = ImageFolder(folder, transform, loader={reader})",
        ]
        self.add_dataloader(code, "dataset")
        return code
