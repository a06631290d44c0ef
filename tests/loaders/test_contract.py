"""The contract of LoaderSpec, held for every point of every grid of every family."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from multiprocessing.context import BaseContext

import pytest
import torch

from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import TRANSFERS
from loaders.registry import families, own_families
from loaders.spec.loader_spec import LoaderSpec
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from loaders.testing import FamilyContract, OwnFamilyContract
from loaders.testing.family_contract import SAMPLES, SMALL_BATCH, check_epochs
from loaders.testing.numbered import numbered_source
from loaders.testing.own_family_contract import BATCH
from loaders.testing.points import list_points, name_point
from tests.loaders.late_device import PromptDevice

CPU_FAMILIES = [name for name, family in families().items() if list_points(family())]

# `-k NAME` runs the contract of one family.
for name in CPU_FAMILIES:
    globals()[f"Test_{name}"] = type(f"Test_{name}", (FamilyContract,), {"spec": families()[name]()})

OWN_FACTS = {
    "iterable": SourceFacts("iterable", None),
    "others": SourceFacts(
        "dataloader", DataLoaderSettings(batch_size=BATCH), map_style=True, samples=100, same_samples=True
    ),
}
for name, family in own_families().items():
    spec = family(facts=OWN_FACTS.get(name, OWN_FACTS["others"]))
    globals()[f"TestOwn_{name}"] = type(f"TestOwn_{name}", (OwnFamilyContract,), {"spec": spec})


@pytest.fixture(scope="module", autouse=True)
def _imported(context: BaseContext) -> None:
    """The server of `context` has imported the loaders' modules, so that it starts workers at once."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ImageSplit:
    """Numbered pictures, and a folder for what loaders make of them, which all points share."""
    return numbered_source(SAMPLES, folder=tmp_path_factory.mktemp("numbered"))


def points_on_cuda(family: type[LoaderSpec]) -> Iterator[LoaderSpec]:
    """The factorial of what is another way on a GPU; the rest is held on the CPU."""
    knobs = family.declared_knobs()
    axes = {
        "resize": (None, 64), "transfer": (None, *TRANSFERS), "pin_memory": (False, True),
        "copy": (False, True), "scale_on": ("host", "device"), "num_workers": (0, 2),
    }  # fmt: skip
    own = {name: values for name, values in axes.items() if name in knobs}
    for values in itertools.product(*own.values()):
        yield family(batch_size=SMALL_BATCH).with_knobs(dict(zip(own, values, strict=True)))


def valid_points_on_cuda() -> list[LoaderSpec]:
    """Each once, without those that can't feed a CUDA device."""
    found: dict[LoaderSpec, None] = {}
    for family in families().values():
        for spec in points_on_cuda(family):
            if spec.invalid(cuda=True) is None and spec.unavailable() is None:
                found[spec.resolve(cuda=True)] = None
    return list(found)


# Where they would all be skipped, one of each family says so.
ON_CUDA = valid_points_on_cuda()
if not torch.cuda.is_available():
    ON_CUDA = list({spec.family: spec for spec in ON_CUDA}.values())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("spec", ON_CUDA, ids=name_point)
def test_every_point_keeps_it_on_a_gpu(spec: LoaderSpec, source: ImageSplit) -> None:
    """The same of what arrives there."""
    check_epochs(spec, source, "cuda")


def sent() -> Iterator[LoaderSpec]:
    """Each family in each way to a device, and scaled on either side; not page-locked, which takes CUDA."""
    for name in CPU_FAMILIES:
        base = families()[name](batch_size=SMALL_BATCH, resize=14, transfer="prefetch")
        base = base.with_knobs({"num_workers": 1} if "num_workers" in base.knobs() else {})
        for transfer in TRANSFERS:
            for scale_on in ("host", "device") if "scale_on" in base.knobs() else (None,):
                place = {} if scale_on is None else {"scale_on": scale_on, "pin_memory": False}
                yield base.with_knobs({"transfer": transfer, **place})


@pytest.mark.parametrize("spec", list(sent()), ids=name_point)
def test_every_way_to_a_device_keeps_it(spec: LoaderSpec, source: ImageSplit, monkeypatch) -> None:
    """What arrives on a device is what a loader promises, however it came there."""
    monkeypatch.setattr("loaders.device.pipeline.CudaDevice", lambda name: PromptDevice())
    check_epochs(spec, source, "cuda")


def test_every_file_of_families_is_tested() -> None:
    """The grid that is tested holds every family."""
    assert {*CPU_FAMILIES, *(spec.family for spec in ON_CUDA)} == set(families())
    assert set(families()) - set(CPU_FAMILIES) == {"device_resident"}
