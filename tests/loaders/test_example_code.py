"""Example code: the lines that a user pastes make the loader that was measured."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from torchvision import transforms

from loaders.data.array_fashion_mnist import ArrayFashionMNIST
from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.device import resident
from loaders.families import image_folder
from loaders.families.batched_dataloader import BatchedDataLoader
from loaders.families.image_folder import ImageFolder
from loaders.families.memory_map import MemoryMap
from loaders.families.stream import Stream
from loaders.families.tensor_slice import TensorSlice
from loaders.families.torch_dataloader import TorchDataLoader
from loaders.registry import families
from loaders.ring import RingLoader
from loaders.spec.loader_spec import LoaderSpec
from tests.fakes import label_of, numbered_source, numbers_of
from tests.loaders.late_device import PromptDevice

SAMPLES, BATCH_SIZE = 100, 32


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageSplit:
    """Numbered pictures, in a current folder of the test's own, where the user's file of them lies."""
    monkeypatch.chdir(tmp_path)
    source = numbered_source(SAMPLES, folder=tmp_path / "files")
    source.images.numpy().tofile("images.bin")
    return source


def run(lines: list[str], source: ImageSplit) -> Iterable[Batch]:
    """Run the lines in a script that has the names that they say; return their loader."""
    names: dict[str, object] = {
        "images": source.images,
        "labels": source.labels,
        "height": 28,
        "width": 28,
        "dataset": ArrayFashionMNIST(source, transforms.ToTensor()),
        "folder": image_folder.CONVERSION.prepare(source),
    }
    exec("\n".join(lines), names)
    return names["loader"]  # type: ignore[return-value]


def check_epoch(loader: Iterable[Batch], side: int) -> None:
    """Check that an epoch holds each sample once, with its label, in batches of the right size and form."""
    numbers, sizes = [], []
    for images, labels in loader:
        assert images.dtype == torch.float32
        assert images.shape[1:] == (1, side, side)
        assert torch.equal(labels, label_of(numbers_of(images)))
        numbers += numbers_of(images).tolist()
        sizes.append(len(labels))
    assert sorted(numbers) == list(range(SAMPLES))
    assert numbers != list(range(SAMPLES))
    assert sizes == [BATCH_SIZE] * 3 + [4]


def on_cpu() -> list[LoaderSpec]:
    """Each family on the CPU, with and without a resize, and other readers and buffers."""
    found: list[LoaderSpec] = []
    for family in families().values():
        base = family(batch_size=BATCH_SIZE)
        if base.invalid(cuda=False) is None:
            base = base.with_knobs({"num_workers": 0} if "num_workers" in base.knobs() else {"copy": True})
            found += [base, base.with_knobs({"resize": 14})]
    other = [
        ImageFolder(BATCH_SIZE, num_workers=0, decoder="torchvision", resize=14),
        Stream(BATCH_SIZE, num_workers=0, shuffle_buffer=40),
        TorchDataLoader(BATCH_SIZE, num_workers=1, persistent_workers=True, prefetch_factor=3),
        TensorSlice(BATCH_SIZE, loader_threads=1, prefetch_batches=3),
    ]
    return [spec.resolve() for spec in (*found, *other)]


@pytest.mark.parametrize("spec", on_cpu(), ids=str)
def test_the_lines_run(spec: LoaderSpec, source: ImageSplit) -> None:
    """They make a loader of the samples, shuffled."""
    check_epoch(run(spec.example_code(source), source), spec.resize or 28)


def to_a_device() -> list[LoaderSpec]:
    """Each family that prefetches to a device, without page-locked memory, which takes CUDA."""
    found: list[LoaderSpec] = []
    for family in families().values():
        base = family(batch_size=BATCH_SIZE)
        if "transfer" in base.knobs():
            base = base.with_knobs({"transfer": "prefetch", "pin_memory": False})
            base = base.with_knobs({"num_workers": 0} if "num_workers" in base.knobs() else {})
            found += [base.with_knobs({"resize": resize}).resolve(cuda=True) for resize in (None, 14)]
    return found


@pytest.mark.parametrize("with_source", [True, False])
@pytest.mark.parametrize("spec", to_a_device(), ids=str)
def test_the_lines_for_a_device_run(
    spec: LoaderSpec, with_source: bool, source: ImageSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches arrive on the device, scaled and resized, whether or not they are copied in chunks."""
    monkeypatch.setattr("loaders.device.pipeline.CudaDevice", lambda name: PromptDevice())
    lines = spec.example_code(source if with_source else None)
    chunked = with_source and spec.choose_chunk(source).batches > 1
    assert any("Chunk(batch_size=32" in line for line in lines) == chunked
    check_epoch(run(lines, source), spec.resize or 28)


@pytest.mark.parametrize("resize", [None, 14])
def test_the_lines_of_a_resident_loader_run(
    resize: int | None, source: ImageSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device is the CPU here."""
    on_the_cpu = functools.partial(resident.ResidentLoader, device="cpu")
    monkeypatch.setattr(resident, "ResidentLoader", on_the_cpu)
    spec = families()["device_resident"](batch_size=BATCH_SIZE, resize=resize)
    check_epoch(run(spec.example_code(source), source), resize or 28)


@pytest.mark.parametrize("transfer", ["blocking", "non_blocking"])
@pytest.mark.parametrize("name", families())
def test_other_transfers_compile(name: str, transfer: str) -> None:
    """Without a device they can't run."""
    spec = families()[name]()
    if "transfer" in spec.knobs():
        spec = spec.with_knobs({"transfer": transfer})
    lines = spec.resolve(cuda=True).example_code()
    compile("\n".join(lines), "example", "exec")
    if "transfer" in spec.knobs():
        option = ", non_blocking=True" if transfer == "non_blocking" else ""
        assert f'"{transfer}"' in lines[-1] or f'labels.to("cuda"{option})' in lines[-1]


def test_only_changed_arguments_are_shown() -> None:
    """Values that PyTorch or RingLoader take anyway are left out."""
    assert TorchDataLoader(64, num_workers=2).resolve().example_code() == [
        "from torch.utils.data import DataLoader",
        "",
        "loader = DataLoader(dataset, batch_size=64, shuffle=True, num_workers=2)",
    ]
    assert TorchDataLoader(64, num_workers=0, resize=32).resolve().example_code()[3:] == [
        "dataset.transform = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])",
        "loader = DataLoader(dataset, batch_size=64, shuffle=True)",
    ]
    assert (
        TensorSlice(64).resolve().example_code()[-1]
        == "loader = RingLoader(Rows(images, labels), batch_size=64)"
    )
    assert BatchedDataLoader(64).resolve().example_code()[-1] == (
        "loader = DataLoader(dataset, collate_fn=return_batch, batch_size=64, shuffle=True)"
    )
    assert "spec = Stream(batch_size=64)" in Stream(64).resolve().example_code()


def test_every_changed_argument_is_shown() -> None:
    """A long call has a line for each argument."""
    spec = TorchDataLoader(
        64, num_workers=2, pin_memory=True, prefetch_factor=4, persistent_workers=True,
        multiprocessing_context="spawn", in_order=False, transfer="non_blocking",
    )  # fmt: skip
    assert spec.resolve(cuda=True).example_code()[2:] == [
        "loader = DataLoader(",
        "    dataset,",
        "    batch_size=64,",
        "    shuffle=True,",
        "    num_workers=2,",
        "    pin_memory=True,",
        "    prefetch_factor=4,",
        "    persistent_workers=True,",
        '    multiprocessing_context="spawn",',
        "    in_order=False,",
        ")",
        "for images, labels in loader:",
        '    images, labels = images.to("cuda", non_blocking=True), labels.to("cuda", non_blocking=True)',
    ]
    ring = TensorSlice(64, 14, loader_threads=0, prefetch_batches=5, copy=True).resolve().example_code()
    assert all(f"{text}," in "".join(ring) for text in ("resize=14", "threads=0", "prefetch=5", "copy=True"))


def test_the_example_is_what_is_measured(source: ImageSplit) -> None:
    """The ring of the lines has the arguments of the ring that `build` makes."""
    spec = TensorSlice(BATCH_SIZE, 14, loader_threads=0, prefetch_batches=5, copy=True).resolve()
    pasted, built = run(spec.example_code(source), source), spec.build(source, shuffle=True, seed=0)
    assert isinstance(pasted, RingLoader)
    assert repr(pasted) == repr(built)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (TensorSlice(), True),
        (TensorSlice(copy=True), False),
        (TensorSlice(transfer="prefetch"), True),
        (TorchDataLoader(transfer="prefetch"), True),
        (TorchDataLoader(), False),
        (families()["device_resident"](), True),
    ],
    ids=str,
)
def test_the_lines_say_how_long_a_batch_is_valid(spec: LoaderSpec, told: bool) -> None:
    """Once, where batches are overwritten."""
    lines = spec.resolve(cuda=spec.transfer is not None).example_code()
    assert lines.count("# Batch n is valid until batch n+2 is requested, or the next epoch begins.") == told


def test_a_mapped_file_is_read_as_it_lies() -> None:
    """The lines of memory_map read the user's own file, and need no conversion."""
    assert not any("ImageSplit" in line for line in MemoryMap().resolve().example_code())
