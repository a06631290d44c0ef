"""The contract of LoaderSpec, held for every point of every grid of every family."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import TRANSFERS
from loaders.registry import families
from loaders.spec.loader_spec import LoaderSpec
from tests.fakes import label_of, numbered_source, numbers_of
from tests.loaders.late_device import PromptDevice

SAMPLES = 300
SMALL_BATCH = 64  # several batches, the last one smaller


def points(family: type[LoaderSpec]) -> Iterator[LoaderSpec]:
    """The factorial of the full preset, and beside a base with workers every value of every other knob."""
    knobs = family.declared_knobs()
    axes = {name: knob.full for name, knob in knobs.items() if knob.full}
    for values in itertools.product(*axes.values()):
        yield family().with_knobs(dict(zip(axes, values, strict=True)))
    base = family(batch_size=SMALL_BATCH)
    if "num_workers" in knobs:
        base = base.with_knobs({"num_workers": 2})
    for name, knob in knobs.items():
        for text in ("none", "on", "off", "3", *getattr(knob.kind, "options", ())):
            try:
                yield base.with_knobs({name: knob.kind.parse(text)})
            except ValueError:
                continue


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


def valid_points(*, cuda: bool) -> list[LoaderSpec]:
    """Each once, without those that can't feed a CUDA device, or the CPU."""
    found: dict[LoaderSpec, None] = {}
    for family in families().values():
        for spec in points_on_cuda(family) if cuda else points(family):
            if spec.invalid(cuda=cuda) is None and spec.unavailable() is None:
                found[spec.resolve(cuda=cuda)] = None
    return list(found)


ON_CPU = valid_points(cuda=False)
CPU_FAMILIES = list(dict.fromkeys(spec.family for spec in ON_CPU))
# Where they would all be skipped, one of each family says so.
ON_CUDA = valid_points(cuda=True)
if not torch.cuda.is_available():
    ON_CUDA = list({spec.family: spec for spec in ON_CUDA}.values())


def spec_id(spec: LoaderSpec) -> str:
    return "-".join([spec.family, *(f"{name}={value}" for name, value in spec.knobs().items())])


def epoch(loader: object) -> tuple[torch.Tensor, torch.Tensor, list[int], set[tuple[int, ...]]]:
    """The numbers, labels, batch sizes and sample shapes of one epoch; every batch is checked."""
    numbers, labels, sizes, shapes = [], [], [], set()
    for delivered in loader:  # type: ignore[attr-defined]
        images, batch_labels = (part.cpu() for part in delivered)
        assert images.dtype == torch.float32
        assert batch_labels.dtype == torch.int64
        assert images.shape[0] == batch_labels.shape[0]
        assert images.min() >= 0
        assert images.max() <= 1
        numbers.append(numbers_of(images))
        labels.append(batch_labels.clone())
        sizes.append(len(batch_labels))
        shapes.add(tuple(images.shape[1:]))
    return torch.cat(numbers), torch.cat(labels), sizes, shapes


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ImageSplit:
    """Numbered pictures, and a folder for what loaders make of them, which all points share."""
    # A forkserver that has imported a loader's modules starts its workers at once.
    multiprocessing.set_forkserver_preload([f"loaders.families.{name}" for name in families()])
    return numbered_source(SAMPLES, folder=tmp_path_factory.mktemp("numbered"))


@pytest.mark.parametrize("spec", ON_CPU, ids=spec_id)
def test_every_point_keeps_the_contract(spec: LoaderSpec, source: ImageSplit) -> None:
    """Two shuffled epochs: each sample once, beside its own label, in two orders that the seed decides."""
    keeps_the_contract(spec, source, "cpu")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("spec", ON_CUDA, ids=spec_id)
def test_every_point_keeps_it_on_a_gpu(spec: LoaderSpec, source: ImageSplit) -> None:
    """The same of what arrives there."""
    keeps_the_contract(spec, source, "cuda")


def keeps_the_contract(spec: LoaderSpec, source: ImageSplit, device: str) -> None:
    loader = spec.pipeline(source, device=device, shuffle=True, seed=1)
    side = spec.resize or 28
    orders = []
    # Each spawned worker imports torch. One epoch shows that all it needs can be pickled, and forked workers
    # show the rest.
    epochs = 1 if spec.knobs().get("multiprocessing_context") == "spawn" else 2
    for _ in range(epochs):
        numbers, labels, sizes, shapes = epoch(loader)
        assert shapes == {(1, side, side)}
        assert sorted(numbers.tolist()) == list(range(SAMPLES))
        assert torch.equal(labels, label_of(numbers))
        full, rest = divmod(SAMPLES, spec.batch_size)
        assert sorted(sizes, reverse=True) == [spec.batch_size] * full + [rest] * bool(rest)
        orders.append(numbers.tolist())
    assert orders[0] != orders[-1] or epochs == 1
    assert orders[0] != list(range(SAMPLES))
    if epochs > 1 and getattr(spec, "in_order", True):
        again = spec.pipeline(source, device=device, shuffle=True, seed=1)
        assert epoch(again)[0].tolist() == orders[0]


def sent() -> Iterator[LoaderSpec]:
    """Each family in each way to a device, and scaled on either side; not page-locked, which takes CUDA."""
    for name in CPU_FAMILIES:
        base = families()[name](batch_size=SMALL_BATCH, resize=14, transfer="prefetch")
        for transfer in TRANSFERS:
            for scale_on in ("host", "device") if "scale_on" in base.knobs() else (None,):
                place = {} if scale_on is None else {"scale_on": scale_on, "pin_memory": False}
                yield base.with_knobs({"transfer": transfer, **place})


@pytest.mark.parametrize("spec", list(sent()), ids=spec_id)
def test_every_way_to_a_device_keeps_it(spec: LoaderSpec, source: ImageSplit, monkeypatch) -> None:
    """What arrives on a device is what a loader promises, however it came there."""
    monkeypatch.setattr("loaders.device.pipeline.CudaDevice", lambda name: PromptDevice())
    keeps_the_contract(spec, source, "cuda")


@pytest.mark.parametrize("name", CPU_FAMILIES)
def test_same_seed_same_order(name: str, source: ImageSplit) -> None:
    """Two loaders of one seed agree, of two seeds don't; two epochs long."""
    orders = []
    for seed in (5, 5, 6):
        loader = families()[name](batch_size=SMALL_BATCH).build(source, shuffle=True, seed=seed)
        orders.append([epoch(loader)[0].tolist() for _ in range(2)])
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


@pytest.mark.parametrize("name", CPU_FAMILIES)
def test_batches_stay_as_long_as_a_loader_says(name: str, source: ImageSplit) -> None:
    """All of them, or each until the second one after it is asked for."""
    loader = families()[name](batch_size=SMALL_BATCH).build(source, shuffle=True, seed=1)
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    for images, _ in loader:
        kept.append((images, images.clone()))
        for held, then in kept if not getattr(loader, "reuses_buffers", False) else kept[-2:]:
            assert torch.equal(held, then)


@pytest.mark.parametrize("name", CPU_FAMILIES)
def test_without_shuffle_the_stored_order(name: str, source: ImageSplit) -> None:
    """Evaluation sees the samples as they are stored, in every epoch."""
    loader = families()[name](batch_size=SMALL_BATCH).build(source, shuffle=False, seed=0)
    for _ in range(2):
        assert epoch(loader)[0].tolist() == list(range(SAMPLES))


@pytest.mark.parametrize("name", CPU_FAMILIES)
def test_pixels_are_scaled_and_nothing_else(name: str, source: ImageSplit) -> None:
    """A pixel of v arrives as v / 255, exactly."""
    images, _ = next(iter(families()[name](batch_size=SAMPLES).build(source, shuffle=False, seed=0)))
    assert torch.equal(images[:, 0], source.images.to(torch.float32) / 255)


@pytest.mark.parametrize("name", CPU_FAMILIES)
def test_resize_is_bilinear_and_antialiased(name: str, tmp_path: Path) -> None:
    """Within PIL's rounding of the reference; a resize without antialiasing is further off by far."""
    source = numbered_source(4, folder=tmp_path)
    source.images[:] = torch.randint(0, 256, source.images.shape, dtype=torch.uint8)
    images, _ = next(iter(families()[name](batch_size=4, resize=14).build(source, shuffle=False, seed=0)))
    reference = torch.nn.functional.interpolate(
        source.images[:, None] / 255, (14, 14), mode="bilinear", antialias=True
    )
    assert (images - reference).abs().max() <= 1.01 / 255


def test_every_file_of_families_is_tested() -> None:
    """The grid that is tested holds every family."""
    assert {spec.family for spec in (*ON_CPU, *ON_CUDA)} == set(families())
    assert set(families()) - set(CPU_FAMILIES) == {"device_resident"}
