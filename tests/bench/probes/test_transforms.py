"""Transforms of a dataset: found wherever they are, and put in the place of another."""

from __future__ import annotations

import copy
import functools
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import ConcatDataset, Dataset, Subset
from torchvision import transforms as v1
from torchvision.datasets import VisionDataset
from torchvision.transforms import v2

from bench.probes.transforms import find_transforms


class Pictures(Dataset):
    """Grey pictures with a transform."""

    def __init__(self, transform) -> None:
        self.loader = np.asarray
        self.augmented = [1.0] * 100
        self.augment = True
        self.transform = transform

    def __len__(self):
        return 4

    def __getitem__(self, index):
        picture = Image.fromarray(np.full((8, 8), index, np.uint8))
        return self.transform(picture)


class Double:
    """A transform with neither a dict nor a module behind it."""

    __slots__ = ()

    def __call__(self, picture):
        return picture * 2


class Compose:
    """Composes as MONAI does, in a tuple, or as albumentations does, with keywords and dicts."""

    def __init__(self, transforms, *, by_keyword: bool = False) -> None:
        self.transforms = transforms
        self.by_keyword = by_keyword

    def __call__(self, *args, **kwargs):
        for transform in self.transforms:
            if self.by_keyword:
                kwargs = transform(**kwargs)
            else:
                args = (transform(*args),)
        return kwargs if self.by_keyword else args[0]


class TwoViews:
    """A user's own class around a Compose."""

    def __init__(self, base_transform) -> None:
        self.base_transform = base_transform

    def __call__(self, picture):
        return torch.stack([self.base_transform(picture) for _ in range(2)])


def brighten(picture):
    return picture + 1


def list_names(dataset) -> list[str]:
    return [slot.name for slot in find_transforms(dataset)]


@pytest.mark.parametrize("library", [v1, v2])
def test_every_leaf_of_nested_torchvision_transforms(library) -> None:
    """Those of v1 and v2, in lists and in a ModuleList, once each and in the order in which they run."""
    shared = library.CenterCrop(6)
    chain = library.Compose(
        [
            library.RandomApply(nn.ModuleList([library.RandomHorizontalFlip()]), p=0.5),
            library.RandomChoice([shared, library.RandomCrop(6)]),
            library.RandomOrder([library.RandomRotation(3), shared]),
            library.ToTensor() if library is v1 else library.Compose([library.ToImage()]),
            nn.Sequential(library.Normalize([0.5], [0.5]), nn.Identity()),
            library.Lambda(lambda x: x),
            brighten,
        ]
    )
    names = ["RandomHorizontalFlip", "CenterCrop", "RandomCrop", "RandomRotation"]
    names += ["ToTensor" if library is v1 else "ToImage", "Normalize", "Identity", "Lambda", "brighten"]
    assert list_names(Pictures(chain)) == names


@pytest.mark.parametrize("name", ["ops", "_steps", "funcs"])
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_users_own_compose_holds_them_by_any_name(name, kind) -> None:
    """Each of them is told apart and can be replaced, also in a Compose within it."""

    class Chain:
        def __init__(self, *parts) -> None:
            setattr(self, name, kind(parts))
            self.kinds = (int, float)
            self.sizes = [8, 6]

        def __call__(self, picture):
            for part in getattr(self, name):
                picture = part(picture)
            return picture

    dataset = Pictures(Chain(v1.CenterCrop(6), Chain(v1.PILToTensor(), brighten), Double()))
    assert list_names(dataset) == ["CenterCrop", "PILToTensor", "brighten", "Double"]
    for slot in find_transforms(dataset)[2:]:
        slot.install(lambda call: lambda picture: -call(picture))
    assert dataset[3].eq(8).all()
    for slot in find_transforms(dataset):
        slot.restore()


def test_transforms_of_wrapped_datasets_run_first() -> None:
    """In Subset, ConcatDataset and a user's own wrapper; names that occur twice are numbered."""

    class Wrapper(Dataset):
        def __init__(self, inner) -> None:
            self.post_transforms = [v1.Normalize([0.5], [0.5])]
            self.to_tensor = v1.ToTensor()
            self.inner = inner
            self.all = [self]

    inner = ConcatDataset([Pictures(v1.ToTensor()), Subset(Pictures(v1.Normalize([0.1], [0.1])), [0])])
    assert list_names(Wrapper(inner)) == ["ToTensor", "Normalize", "Normalize 2", "ToTensor 2"]


def test_a_dataset_of_torchvision_holds_its_transforms_twice() -> None:
    """As `transform` and inside of `transforms`. A function is replaced at both places, and put back."""
    dataset = VisionDataset("", transform=v1.ToTensor(), target_transform=brighten)
    assert list_names(dataset) == ["ToTensor", "brighten"]
    _, slot = find_transforms(dataset)
    slot.install(lambda call: lambda target: -call(target))
    assert dataset.target_transform(1) == -2
    picture = Image.fromarray(np.zeros((2, 2), np.uint8))
    assert dataset.transforms(picture, 2)[1] == -3
    slot.restore()
    assert dataset.target_transform is dataset.transforms.target_transform is brighten


def test_what_is_no_transform() -> None:
    """Data, switches, readers and no transform at all."""
    assert list_names(Pictures(None)) == []
    assert list_names([1, 2, 3]) == []


def test_entries_of_a_dict_and_attributes_of_a_class() -> None:
    """As Hugging Face's datasets keep a transform, and as short datasets are written."""

    class Short(Dataset):
        transform = v1.ToTensor()

        def __init__(self) -> None:
            self._format_kwargs = {"transform": functools.partial(brighten)}
            self.transforms = {"train": Double(), "other": None}

    assert list_names(Short()) == ["brighten", "Double", "ToTensor"]


@pytest.mark.parametrize(
    ("transform", "value"),
    [
        (v1.PILToTensor(), 3),
        (v2.Compose([v2.PILToTensor()]), 3),
        (Compose((v1.PILToTensor(), brighten, Double())), 8),
        (nn.Sequential(v2.PILToTensor(), nn.Identity()), 3),
        (TwoViews(v1.Compose([v1.PILToTensor(), functools.partial(brighten)])), 4),
    ],
)
def test_calls_are_answered_by_another_and_restored(transform, value) -> None:
    """Each transform is called once a sample or view, and stays an object of its class."""
    dataset = Pictures(transform)
    slots = find_transforms(dataset)
    kinds = [type(slot.transform) for slot in slots]
    calls = []

    def wrap(name, call):
        def answer(*args):
            calls.append(name)
            return call(*args)

        return answer

    for slot in slots:
        slot.install(lambda call, name=slot.name: wrap(name, call))
    assert (dataset[3] == value).all()
    assert all(isinstance(slot.transform, kind) for slot, kind in zip(slots, kinds, strict=True))
    views = 2 if isinstance(transform, TwoViews) else 1
    assert calls == [slot.name for slot in slots] * views
    for slot in slots:
        slot.restore()
    assert (dataset[3] == value).all()
    assert len(calls) == len(slots) * views
    assert [type(slot.transform) for slot in slots] == kinds
    assert [slot.name for slot in find_transforms(dataset)] == [slot.name for slot in slots]


def test_a_transform_that_is_answered_for_is_copied_and_pickled_as_its_own() -> None:
    """A dataset may be sent to workers, or copied, while it is looked at."""
    dataset = Pictures(v1.Compose([v1.PILToTensor(), v1.Normalize([0.5], [0.5]), Double()]))
    slots = find_transforms(dataset)
    for slot in slots:
        slot.install(lambda call: lambda picture: None)
    dataset.loader = None
    for twin in (copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset))):
        kinds = [type(transform) for transform in twin.transform.transforms]
        assert kinds == [v1.PILToTensor, v1.Normalize, Double]
        assert twin.transform.transforms[1].mean == [0.5]


def test_keywords_go_through() -> None:
    """As albumentations passes them."""

    class Flip:
        def __call__(self, **data):
            return {**data, "image": -data["image"]}

    dataset = Pictures(Compose([Flip()], by_keyword=True))
    (slot,) = find_transforms(dataset)
    slot.install(lambda call: lambda **data: {**call(**data), "seen": True})
    assert dataset.transform(image=2, label=1) == {"image": -2, "label": 1, "seen": True}
    slot.install(lambda call: lambda **data: data)
    assert dataset.transform(image=2, label=1) == {"image": 2, "label": 1}
    slot.restore()
    assert dataset.transform(image=2, label=1) == {"image": -2, "label": 1}


def test_a_class_that_refuses_subclasses_is_replaced() -> None:
    """In a list and in a tuple inside of one."""

    class Final:
        def __init_subclass__(cls) -> None:
            raise RuntimeError("no subclasses")

        def __call__(self, value):
            return value + 10

    final = Final()
    dataset = Pictures(Compose([Compose((final, Double()))]))
    slot, _ = find_transforms(dataset)
    slot.install(lambda call: lambda value: value)
    assert dataset.transform(1) == 2
    slot.restore()
    assert dataset.transform(1) == 22
    assert dataset.transform.transforms[0].transforms[0] is final
