"""Transforms of a dataset: where they are, and how one is put in the place of another.

This file stands alone: it needs torch and the standard library. Workers that are not forked run it by its
path, because a user's project may hold modules that bear our names.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from types import FunctionType, MethodType, new_class
from typing import Any

from torch import nn
from torch.utils.data import Dataset

# Attributes with such names hold transforms, if what they hold can be called.
LIKELY_NAME = re.compile(r"transform|augment|preproc|(^|_)(aug|tfm)s?($|_)", re.IGNORECASE)
# Modules whose classes are transforms, whatever an attribute is called.
LIBRARIES = (
    "torchvision.transforms",
    "torchaudio.transforms",
    "albumentations",
    "audiomentations",
    "kornia.augmentation",
    "monai.transforms",
)
# A dict with more entries holds data, and no transforms by name.
MOST_ENTRIES = 64

# Sets the class of an object, even if its class pretends to be another one.
CLASS: Any = vars(object)["__class__"]

Transform = Callable[..., Any]


class TransformSlot:
    """The place of one transform of a dataset, in which another callable can stand.

    Attributes:
        name: name of the transform, such as `ToTensor`; `ToTensor 2` for the second one of that name.
        transform: the transform itself.
    """

    def __init__(self, transform: Transform) -> None:
        """Make the slot of a transform that stands nowhere yet.

        Args:
            transform: the transform.
        """
        self.name = _name(transform)
        self.transform = transform
        self._places: list[_Place] = []
        # Its own class and that of the callable; or the callable that replaces it.
        self._classes: tuple[type, type] | None = None
        self._answer: Transform | None = None

    def add_place(self, place: _Place) -> None:
        """Add a place at which the dataset holds the transform."""
        self._places.append(place)

    def install(self, wrap: Callable[[Transform], Transform]) -> None:
        """Let a callable answer the calls of the transform, in place of the one before.

        An object stays where it is, as libraries look at the classes of their transforms. It becomes one of a
        subclass that is called differently. A function is replaced at all its places.

        Args:
            wrap: takes the transform as a callable, and returns the callable that answers. Some libraries
                pass keywords, and get a dict of the same ones back.
        """
        self.restore()
        own = type(self.transform)
        try:
            answering = new_class(own.__name__, (own,), exec_body=lambda body: body.update(_pose_as(own)))
            CLASS.__set__(self.transform, answering)
        except Exception:
            # Functions and what C code makes have classes that can't be changed, and a library may refuse.
            self._classes, self._answer = None, wrap(self.transform)
        else:
            call = MethodType(own.__call__, self.transform)
            answering.__call__ = staticmethod(wrap(call))  # type: ignore[method-assign]
            self._classes = (own, answering)
        self.resume()

    def resume(self) -> None:
        """Let the callable that was installed last answer once more."""
        if self._classes is not None:
            CLASS.__set__(self.transform, self._classes[1])
        elif self._answer is not None:
            for place in self._places:
                place.put(self._answer)

    def restore(self) -> None:
        """Let the transform answer again."""
        if self._classes is not None:
            CLASS.__set__(self.transform, self._classes[0])
        elif self._answer is not None:
            for place in self._places:
                place.put(self.transform)


def find_transforms(dataset: Any) -> list[TransformSlot]:
    """Return the slots of the transforms of a dataset, in the order in which they run.

    They are found in the attributes of the dataset and of the datasets that it wraps, inside of any
    containers. The transforms of an inner dataset run first. Each transform is listed once.

    Args:
        dataset: a dataset of any kind.
    """
    search = _Search()
    search.visit_dataset(dataset)
    slots = list(search.slots.values())
    seen: Counter[str] = Counter()
    for slot in slots:
        seen[slot.name] += 1
        if (number := seen[slot.name]) > 1:
            slot.name = f"{slot.name} {number}"
    return slots


class _Place:
    """A place that holds a value: an attribute, an element or an entry."""

    def __init__(self, owner: Any, key: Any, outer: _Place | None = None) -> None:
        """Name a place.

        Args:
            owner: what holds the value.
            key: name of the attribute, number of the element, or key of the entry.
            outer: where a tuple stands, which is made anew; None for other owners.
        """
        self._owner = owner
        self._key = key
        self._outer = outer

    def get(self) -> Any:
        """Return the value."""
        owner, key = self._owner, self._key
        if self._outer is not None:
            return self._outer.get()[key]
        return owner[key] if isinstance(owner, MutableSequence | MutableMapping) else getattr(owner, key)

    def put(self, value: Any) -> None:
        """Put another value in its place."""
        owner, key = self._owner, self._key
        if self._outer is not None:
            items = list(self._outer.get())
            items[key] = value
            self._outer.put(tuple(items))
        elif isinstance(owner, nn.Module) and key in owner._modules:
            # Past the check that it is a module.
            owner._modules[key] = value
        elif isinstance(owner, MutableSequence | MutableMapping):
            owner[key] = value
        else:
            object.__setattr__(owner, key, value)


class _Search:
    """A search for transforms.

    Attributes:
        slots: the slots that were found, by the identity of the transform.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.slots: dict[int, TransformSlot] = {}
        self._seen: set[int] = set()

    def visit_dataset(self, dataset: Any) -> None:
        """Look for transforms in a dataset, after those that it wraps."""
        if id(dataset) in self._seen:
            return
        self._seen.add(id(dataset))
        attributes = list(_list_attributes(dataset))
        for name, value in attributes:
            for inner in _list_datasets(name, value):
                self.visit_dataset(inner)
        for name, value in attributes:
            place = _Place(dataset, name)
            if LIKELY_NAME.search(name) or _is_from_library(value):
                self.visit(value, place)
            elif isinstance(value, dict) and len(value) <= MOST_ENTRIES:
                for key, entry in list(value.items()):
                    if isinstance(key, str) and LIKELY_NAME.search(key):
                        self.visit(entry, _Place(value, key))

    def visit(self, value: Any, place: _Place) -> None:
        """Look for transforms in a value.

        Args:
            value: a transform, a container of transforms, or something else.
            place: where it stands.
        """
        if isinstance(value, Dataset):
            return
        slot = self.slots.get(id(value))
        if slot is None and (parts := _list_parts(value, place)):
            if id(value) not in self._seen:
                self._seen.add(id(value))
                for part, where in parts:
                    self.visit(part, where)
        elif callable(value) and not isinstance(value, type):
            if slot is None:
                slot = self.slots[id(value)] = TransformSlot(value)
            slot.add_place(place)


def _list_parts(value: Any, place: _Place) -> list[tuple[Any, _Place]]:
    """Return the parts of a container of transforms, with their places; none for anything else."""
    if isinstance(value, nn.Sequential | nn.ModuleList | nn.ModuleDict):
        return [(part, _Place(value, name)) for name, part in value._modules.items()]
    if isinstance(value, MutableSequence | MutableMapping | tuple):
        if len(value) > MOST_ENTRIES:
            return []
        entries = value.items() if isinstance(value, MutableMapping) else enumerate(value)
        outer = place if isinstance(value, tuple) else None
        return [(part, _Place(value, key, outer)) for key, part in entries]
    if not callable(value) or isinstance(value, type | FunctionType):
        return []
    attributes = list(_list_attributes(value))
    # A library's transform may hold functions of its own; a user's holds the ones that it calls.
    chains = set() if _is_from_library(value) else {name for name, part in attributes if _is_chain(part)}
    if not chains and not _runs_others(dict(attributes)):
        return []
    likely = (name for name, _ in attributes if LIKELY_NAME.search(name))
    kept = chains.union(likely)
    return [(part, _Place(value, name)) for name, part in attributes if name in kept]


def _is_chain(value: Any) -> bool:
    """Return True if a value is a list of callables, by whatever name a user's Compose holds them."""
    is_list = isinstance(value, list | tuple | nn.ModuleList) and 0 < len(value) <= MOST_ENTRIES
    return is_list and all(callable(part) and not isinstance(part, type) for part in value)


def _runs_others(attributes: dict[str, Any]) -> bool:
    """Return whether a callable with these attributes runs other transforms.

    It is a Compose of any library, torchvision's pair of transforms, or a user's own class around them.
    """
    if {"transform", "target_transform"} <= attributes.keys():
        return True
    if _is_chain(attributes.get("transforms")):
        return True
    likely = [part for name, part in attributes.items() if LIKELY_NAME.search(name)]
    return any(
        isinstance(part, nn.Sequential) or (callable(part) and hasattr(part, "transforms")) for part in likely
    )


def _list_attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an object by their names, and those of its classes that bear likely names."""
    own = getattr(value, "__dict__", {})
    yield from list(own.items())
    yield from (getattr(value, "_modules", None) or {}).items()
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield name, getattr(value, name)
        for name, shared in list(vars(kind).items()):
            is_plain = not hasattr(shared, "__get__") and not isinstance(shared, type)
            if LIKELY_NAME.search(name) and name not in own and is_plain:
                yield name, shared


def _list_datasets(name: str, value: Any) -> list[Any]:
    """Return the datasets that an attribute of a dataset holds."""
    if isinstance(value, list | tuple):
        values = list(value) if value and isinstance(value[0], Dataset) else []
    elif isinstance(value, dict):
        values = list(value.values()) if len(value) <= MOST_ENTRIES else []
    else:
        values = [value]
        if "dataset" in name.lower() and hasattr(value, "__getitem__") and hasattr(value, "__dict__"):
            return values
    return [value for value in values if isinstance(value, Dataset)]


def _pose_as(own: Any) -> dict[str, Any]:
    """Return the body of a subclass whose objects look, and are copied and pickled, as those of its base."""

    def reduce_ex(transform: Any, protocol: int) -> Any:
        reduced = own.__reduce_ex__(transform, protocol)
        if isinstance(reduced, str):
            return reduced
        make, args, *state = reduced
        return (make, tuple(own if part is type(transform) else part for part in args), *state)

    looks: Any = property(lambda _: own)
    return {"__slots__": (), "__module__": own.__module__, "__class__": looks, "__reduce_ex__": reduce_ex}


def _is_from_library(value: Any) -> bool:
    return callable(value) and type(value).__module__.startswith(LIBRARIES)


def _name(transform: Transform) -> str:
    """Return the name of a function or of an object's class."""
    while isinstance(transform, functools.partial):
        transform = transform.func
    return getattr(transform, "__name__", None) or type(transform).__name__
