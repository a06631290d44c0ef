"""KnownDataset: an image set that its place or its file names identify."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from loaders.data.idx_files import IdxFiles


@dataclass(frozen=True)
class KnownDataset:
    """An image set in the IDX format that torchvision knows.

    Attributes:
        name: name to show.
        classes: name of each label.
    """

    name: str
    classes: tuple[str, ...]


_DIGITS = tuple(string.digits)
# EMNIST's merged splits have one class for letters whose upper and lower case look alike.
_MERGED = set("cijklmopsuvwxyz")

FASHION_MNIST = KnownDataset(
    "Fashion-MNIST",
    (
        "t-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
)
_EMNIST = {
    "byclass": tuple(sorted(string.digits + string.ascii_letters)),
    "bymerge": tuple(sorted(set(string.digits + string.ascii_letters) - _MERGED)),
    "balanced": tuple(sorted(set(string.digits + string.ascii_letters) - _MERGED)),
    # Labels start at 1.
    "letters": ("N/A", *string.ascii_lowercase),
    "digits": _DIGITS,
    "mnist": _DIGITS,
}
_KNOWN = {
    "mnist": KnownDataset("MNIST", _DIGITS),
    "kmnist": KnownDataset("KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
    "qmnist": KnownDataset("QMNIST", _DIGITS),
    "fashionmnist": FASHION_MNIST,
    "emnist": KnownDataset("EMNIST", ()),
    **{f"emnist{split}": KnownDataset(f"EMNIST {split}", names) for split, names in _EMNIST.items()},
}
# Folders under which torchvision keeps these sets, each in a folder `raw`.
TORCHVISION_FOLDERS = ("FashionMNIST", "MNIST", "KMNIST", "QMNIST", "EMNIST")


def identify(files: IdxFiles) -> KnownDataset | None:
    """Return the set that file names or the folder name, None where they name none.

    The contents aren't read: files can be another set than their place says.
    """
    folder = files.folder.resolve()
    if folder.name.lower() == "raw":
        folder = folder.parent
    for text in (files.prefix, folder.name):
        key = re.sub("[^a-z0-9]", "", text.lower())
        if "fashion" in key:
            return FASHION_MNIST
        if key in _KNOWN:
            return _KNOWN[key]
    return None


def name_classes(known: KnownDataset | None, highest_label: int) -> tuple[str, ...]:
    """Return a name for each label: those of a known set that has all of the labels, else numbers.

    Clothes are left to the published files: an unknown set is often stored in Fashion-MNIST's folder.

    Args:
        known: set that the files are said to be.
        highest_label: highest label in the files.
    """
    if known is not None and highest_label < len(known.classes):
        return _DIGITS if known is FASHION_MNIST else known.classes
    # A model needs two classes at least.
    return tuple(map(str, range(max(2, highest_label + 1))))
