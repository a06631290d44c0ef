"""The tutorials' loader: FashionMNIST, an optional Resize, ToTensor, and a DataLoader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.spec.dataloader_spec import DataLoaderSpec
from loaders.spec.example_code import ExampleCode


@dataclass(frozen=True)
class TorchDataLoader(DataLoaderSpec):
    """One PIL image, one ToTensor and one collate for each sample, as in most training scripts.

    `resize` is PIL's, bilinear, antialiased and rounded to uint8, before ToTensor.
    """

    late_modules: ClassVar[tuple[str, ...]] = ("loaders.data.array_fashion_mnist",)
    needs_torchvision: ClassVar[bool] = True

    def typical_samples_per_s(self) -> float:
        """Return 30,000, measured on two cores with any number of workers; half of it with a resize to 64."""
        return 30_000 if self.resize is None else 30_000 / (1 + (self.resize / 64) ** 2)

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return a DataLoader over torchvision's FashionMNIST."""
        # torchvision takes over a second to import. A command that only plans or prints needn't wait for it.
        from torchvision import transforms

        from loaders.data.array_fashion_mnist import ArrayFashionMNIST

        steps: list[Callable[[Any], Any]] = [transforms.ToTensor()]
        if self.resize is not None:
            steps.insert(0, transforms.Resize((self.resize, self.resize)))
        dataset = ArrayFashionMNIST(source, transforms.Compose(steps))
        return self.make_dataloader(dataset, shuffle=shuffle, seed=seed)

    def loader_code(self) -> ExampleCode:
        """Return the code of a DataLoader over a torchvision dataset of the user's own."""
        code = ExampleCode()
        if self.resize is not None:
            code.imports.append("from torchvision import transforms")
            resize = f"transforms.Resize(({self.resize}, {self.resize}))"
            code.lines.append(f"dataset.transform = transforms.Compose([{resize}, transforms.ToTensor()])")
        self.add_dataloader(code, "dataset")
        return code
