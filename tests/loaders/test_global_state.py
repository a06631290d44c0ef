"""Loaders under torch's global states: default device and dtype, deterministic algorithms, inference mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch

from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.data.rows import Rows
from loaders.device.device_transform import DeviceTransform
from loaders.device.pipeline import TRANSFERS, to_device
from loaders.device.resident import ResidentLoader
from loaders.device.resize import weights
from loaders.native import Native
from loaders.registry import families
from loaders.ring import ring_loader
from loaders.ring.ring_loader import RingLoader
from loaders.spec.loader_spec import LoaderSpec
from tests.fakes import numbered_source
from tests.loaders.global_states import STATES
from tests.loaders.late_device import PromptDevice

SAMPLES, BATCH_SIZE = 70, 32
Build = Callable[[], Iterable[Batch]]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ImageSplit:
    """Random pictures, and a folder for the files that loaders make."""
    source = numbered_source(SAMPLES, folder=tmp_path_factory.mktemp("pictures"))
    random = torch.Generator().manual_seed(0)
    source.images[:] = torch.randint(0, 256, source.images.shape, dtype=torch.uint8, generator=random)
    return source


def specs() -> list[LoaderSpec]:
    """Each family on the CPU, with and without a worker or a thread, and with a resize."""
    found = []
    for family in families().values():
        base = family(batch_size=BATCH_SIZE)
        if base.invalid(cuda=False):
            continue
        workers = "num_workers" if "num_workers" in base.knobs() else "loader_threads"
        lasting = {"persistent_workers": True} if "persistent_workers" in base.knobs() else {}
        found += [base.with_knobs({workers: 0, "resize": 14}), base.with_knobs({workers: 1, **lasting})]
        if "decoder" in base.knobs():
            found.append(base.with_knobs({workers: 0, "decoder": "torchvision"}))
    return found


def epoch(loader: Iterable[Batch]) -> list[Batch]:
    """Copies of the batches of an epoch."""
    return [(images.clone(), labels.clone()) for images, labels in loader]


def check_state(build: Build, state: str, built: bool) -> None:
    """Check that an epoch in the state, and one after it, have the batches of a program without it."""
    loader = build()
    expected = epoch(loader) + epoch(loader)
    # Weights of an earlier call would hide the state.
    weights.cache_clear()
    if not built:
        loader = build()
    with STATES[state]():
        if built:
            loader = build()
        found = epoch(loader)
    found += epoch(loader)
    assert len(found) == len(expected)
    for (images, labels), (known_images, known_labels) in zip(found, expected, strict=True):
        assert images.dtype == torch.float32
        assert images.device.type == labels.device.type == "cpu"
        assert torch.equal(images, known_images)
        assert torch.equal(labels, known_labels)


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("spec", specs(), ids=str)
def test_every_family(spec: LoaderSpec, state: str, built: bool, source: ImageSplit) -> None:
    """Each family delivers the same batches."""
    check_state(lambda: spec.build(source, shuffle=True, seed=3), state, built)


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("resize", [None, 14])
@pytest.mark.parametrize("make", ["native", "torch"])
def test_both_rings(
    make: str,
    resize: int | None,
    state: str,
    built: bool,
    source: ImageSplit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ring that is filled by ring.c, and the one that torch's operations fill."""
    if make == "torch":
        monkeypatch.setattr(ring_loader, "native", lambda: Native(None, "not for this test"))
    rows = Rows(source.images, source.labels)
    check_state(lambda: RingLoader(rows, batch_size=7, resize=resize, threads=1), state, built)


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("resize", [None, 14])
def test_a_resident_loader(resize: int | None, state: str, built: bool, source: ImageSplit) -> None:
    """The loader on the device, here the CPU."""
    rows = Rows(source.images, source.labels)
    check_state(lambda: ResidentLoader(rows, batch_size=7, resize=resize, device="cpu"), state, built)


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("transfer", TRANSFERS)
def test_transfers(transfer: str, state: str, built: bool, source: ImageSplit) -> None:
    """Each way to a device, with the pictures scaled and resized there."""
    rows = Rows(source.images, source.labels)

    def build() -> Iterable[Batch]:
        loader = RingLoader(rows, batch_size=7, raw=True, threads=0)
        return to_device(loader, PromptDevice(), transfer, device_transform=DeviceTransform(14))

    check_state(build, state, built)


@pytest.mark.parametrize("state", STATES)
def test_a_device_transform_without_room(state: str) -> None:
    """All 256 values are scaled to the float32 nearest to v / 255."""
    raw = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    expected = raw.to(torch.float32) / 255
    with STATES[state]():
        found = DeviceTransform(None)(raw)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", families())
def test_files_that_loaders_make(name: str, state: str, tmp_path: Path) -> None:
    """Every file has the bytes that it has without the state."""

    def written(folder: Path) -> dict[str, bytes]:
        families()[name]().prepare(numbered_source(40, folder=folder))
        files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    plain, other = tmp_path / "plain", tmp_path / "other"
    expected = written(plain)
    source = numbered_source(40, folder=other)
    with STATES[state]():
        families()[name]().prepare(source)
    files = (path for path in other.rglob("*") if path.is_file() and path.suffix != ".json")
    assert {str(path.relative_to(other)): path.read_bytes() for path in files} == expected
