"""FamilyContract: the contract of LoaderSpec as tests that pytest runs on a family."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, ClassVar

import torch

from loaders.data.image_split import ImageSplit
from loaders.spec.loader_spec import LoaderSpec
from loaders.testing.numbered import label_of, numbered_source, numbers_of
from loaders.testing.points import WORKERS, list_points, name_point

SAMPLES = 300
SMALL_BATCH = 64  # several batches, the last one smaller


class FamilyContract:
    """The contract of a family of pictures, which LoaderSpec states. Subclass it in a file of tests.

        from loaders.testing import FamilyContract

        class TestMine(FamilyContract):
            spec = MySpec()

    pytest then runs it at every point of the family's grid. Nothing is downloaded.

    Attributes:
        spec: the family's loader at its defaults.
    """

    spec: ClassVar[LoaderSpec]
    _sources: ClassVar[dict[str, ImageSplit]] = {}

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run the tests that have a point at each of them. pytest calls this."""
        if not isinstance(getattr(self, "spec", None), LoaderSpec):
            raise TypeError(f"{type(self).__name__}.spec: give it a LoaderSpec, as spec = MySpec()")
        if "point" in metafunc.fixturenames:
            points = list_points(self.spec, batch_size=SMALL_BATCH)
            metafunc.parametrize("point", points, ids=name_point)

    def test_every_point_keeps_the_contract(self, point: LoaderSpec, tmp_path_factory: Any) -> None:
        """Two shuffled epochs: each sample once, beside its own label, in orders that the seed decides."""
        check_epochs(point, self._find_source(tmp_path_factory), "cpu")

    def test_same_seed_same_order(self, tmp_path_factory: Any) -> None:
        """Two loaders of one seed agree, of two seeds don't; two epochs long."""
        source = self._find_source(tmp_path_factory)
        orders = []
        for seed in (5, 5, 6):
            loader = self._make_small().build(source, shuffle=True, seed=seed)
            orders.append([read_epoch(loader)[0].tolist() for _ in range(2)])
        assert orders[0] == orders[1], "the same seed gives two orders"
        assert orders[0] != orders[2], "two seeds give the same order"

    def test_batches_stay_as_long_as_a_loader_says(self, tmp_path_factory: Any) -> None:
        """All of them, or each until the second one after it is asked for."""
        loader = self._make_small().build(self._find_source(tmp_path_factory), shuffle=True, seed=1)
        kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        for images, _ in loader:
            kept.append((images, images.clone()))
            for held, then in kept if not getattr(loader, "reuses_buffers", False) else kept[-2:]:
                assert torch.equal(held, then), "a batch changed while it was valid"

    def test_without_shuffle_the_stored_order(self, tmp_path_factory: Any) -> None:
        """Evaluation sees the samples as they are stored, in every epoch."""
        loader = self._make_small().build(self._find_source(tmp_path_factory), shuffle=False, seed=0)
        for _ in range(2):
            assert read_epoch(loader)[0].tolist() == list(range(SAMPLES)), "not the stored order"

    def test_pixels_are_scaled_and_nothing_else(self, tmp_path_factory: Any) -> None:
        """A pixel of v arrives as v / 255, exactly."""
        source = self._find_source(tmp_path_factory)
        spec = self._make_without_workers(batch_size=SAMPLES)
        images, _ = next(iter(spec.build(source, shuffle=False, seed=0)))
        assert torch.equal(images[:, 0], source.images.to(torch.float32) / 255), "a pixel isn't v / 255"

    def test_resize_is_bilinear_and_antialiased(self, tmp_path: Path) -> None:
        """Within PIL's rounding of the reference; a resize without antialiasing is further off by far."""
        source = numbered_source(4, folder=tmp_path)
        source.images[:] = torch.randint(0, 256, source.images.shape, dtype=torch.uint8)
        spec = self._make_without_workers(batch_size=4, resize=14)
        images, _ = next(iter(spec.build(source, shuffle=False, seed=0)))
        reference = torch.nn.functional.interpolate(
            source.images[:, None] / 255, (14, 14), mode="bilinear", antialias=True
        )
        assert (images - reference).abs().max() <= 1.01 / 255, "not a bilinear resize with antialiasing"

    def test_it_is_sent_to_the_process_of_a_trial(self) -> None:
        """It arrives equal, and under the same name."""
        arrived = pickle.loads(pickle.dumps(self.spec))
        assert arrived == self.spec
        assert arrived.family == self.spec.family
        assert arrived.typical_samples_per_s() > 0, "a sweep's length is estimated by it"

    def _make_small(self) -> LoaderSpec:
        """Return the family's loader with few processes to start, which are enough to get an order wrong."""
        return self._make(batch_size=SMALL_BATCH, num_workers=WORKERS)

    def _make_without_workers(self, **knobs: int) -> LoaderSpec:
        """Return the family's loader of one batch, which is made where it is asked for."""
        return self._make(num_workers=0, **knobs)

    def _make(self, **knobs: int) -> LoaderSpec:
        return self.spec.with_knobs(
            {name: value for name, value in knobs.items() if name in self.spec.knobs()}
        )

    def _find_source(self, factory: Any) -> ImageSplit:
        """Return numbered pictures, and a folder for what loaders make of them, which all tests share."""
        if self.spec.family not in self._sources:
            folder = factory.mktemp("numbered")
            self._sources[self.spec.family] = numbered_source(SAMPLES, folder=folder)
        return self._sources[self.spec.family]


def check_epochs(spec: LoaderSpec, source: ImageSplit, device: str) -> None:
    """Check shuffled epochs: each sample once, beside its own label, in orders that the seed decides.

    Args:
        spec: the loader.
        source: numbered pictures, SAMPLES of them.
        device: `cpu` or `cuda`.
    """
    loader = spec.pipeline(source, device=device, shuffle=True, seed=1)
    side = spec.resize or 28
    orders = []
    # Each spawned worker imports torch. One epoch shows that all it needs can be pickled, and forked workers
    # show the rest.
    epochs = 1 if spec.knobs().get("multiprocessing_context") == "spawn" else 2
    for _ in range(epochs):
        numbers, labels, sizes, shapes = read_epoch(loader)
        assert shapes == {(1, side, side)}, f"pictures of {shapes}, not {(1, side, side)}"
        assert sorted(numbers.tolist()) == list(range(SAMPLES)), "an epoch isn't each sample once"
        assert torch.equal(labels, label_of(numbers)), "a sample has the label of another"
        full, rest = divmod(SAMPLES, spec.batch_size)
        expected = [spec.batch_size] * full + [rest] * bool(rest)
        assert sorted(sizes, reverse=True) == expected, f"batches of {sizes}, not {expected}"
        orders.append(numbers.tolist())
    assert orders[0] != orders[-1] or epochs == 1 or spec.same_order_each_epoch, "two epochs in one order"
    assert orders[0] != list(range(SAMPLES)), "not shuffled"
    if epochs > 1 and getattr(spec, "in_order", True):
        again = spec.pipeline(source, device=device, shuffle=True, seed=1)
        assert read_epoch(again)[0].tolist() == orders[0], "the same seed gives two orders"


def read_epoch(loader: Any) -> tuple[torch.Tensor, torch.Tensor, list[int], set[tuple[int, ...]]]:
    """Read one epoch of numbered pictures, and check every batch.

    Args:
        loader: iterable of pairs (images, labels).

    Returns:
        Numbers and labels, int64 (N,), in the order of delivery; batch sizes; shapes of samples.
    """
    numbers, labels, sizes, shapes = [], [], [], set()
    for delivered in loader:
        images, batch_labels = (part.cpu() for part in delivered)
        assert images.dtype == torch.float32, f"images of {images.dtype}, not float32"
        assert batch_labels.dtype == torch.int64, f"labels of {batch_labels.dtype}, not int64"
        assert images.shape[0] == batch_labels.shape[0], "not one label for each picture"
        assert images.min() >= 0, "a pixel below 0"
        assert images.max() <= 1, "a pixel above 1"
        numbers.append(numbers_of(images))
        labels.append(batch_labels.clone())
        sizes.append(len(batch_labels))
        shapes.add(tuple(images.shape[1:]))
    return torch.cat(numbers), torch.cat(labels), sizes, shapes
