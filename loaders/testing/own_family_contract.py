"""OwnFamilyContract: the contract of OwnLoaderSpec as tests that pytest runs on a family."""

from __future__ import annotations

import ast
import pickle
from typing import Any, ClassVar

import torch
from torch.utils.data import DataLoader, TensorDataset

from loaders.data.nested_batch import iterate_leaves
from loaders.spec.own_loader_spec import PARAM, UNKNOWN, OwnLoaderSpec
from loaders.testing.points import list_points, name_point

SAMPLES = 100
BATCH = 16


class OwnFamilyContract:
    """The contract of a family that serves users' own data. Subclass it in a file of tests.

        from loaders.testing import OwnFamilyContract

        class TestMine(OwnFamilyContract):
            spec = MySpec()

    Attributes:
        spec: the family's loader, with the facts of what `make_source` returns if it asks for them.
    """

    spec: ClassVar[OwnLoaderSpec]

    def make_source(self) -> Any:
        """Return a user's loader with 100 samples, which the family can serve; default a DataLoader."""
        numbers = torch.arange(SAMPLES)
        return DataLoader(TensorDataset(numbers, numbers * 7 % 10), batch_size=BATCH)

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run the tests that have a point at each of them. pytest calls this."""
        if not isinstance(getattr(self, "spec", None), OwnLoaderSpec):
            raise TypeError(f"{type(self).__name__}.spec: give it an OwnLoaderSpec, as spec = MySpec()")
        if "point" in metafunc.fixturenames:
            metafunc.parametrize("point", list_points(self.spec), ids=name_point)

    def test_every_point_delivers_what_the_user_has(self, point: OwnLoaderSpec) -> None:
        """Each epoch holds the samples that the user's own loader delivers, each as often as there."""
        expected = _list_samples(self.make_source())
        loader = point.pipeline(self.make_source(), device="cpu")
        # Each spawned worker imports torch, so one epoch shows that all it needs can be pickled.
        epochs = 1 if point.knobs().get("multiprocessing_context") == "spawn" else 2
        for _ in range(epochs):
            assert _list_samples(loader) == expected, "not the samples of the user's own loader"

    def test_it_says_which_sources_it_serves(self) -> None:
        """None or a reason, in one line, also of a source of which nothing is known."""
        for facts in (UNKNOWN, self.spec.facts):
            reason = self.spec.refuse(facts)
            assert reason is None or (reason and "\n" not in reason), f"{reason!r} is no reason in one line"

    def test_its_changes_are_arguments_in_python(self) -> None:
        """As they stand in the code that the answer shows."""
        for point in list_points(self.spec):
            ast.parse(f"DataLoader({', '.join(point.describe_changes())})", mode="eval")

    def test_parameters_are_kept(self) -> None:
        """Parameters of the function that makes the user's loader."""
        spec = self.spec.with_knobs({f"{PARAM}size": 128})
        assert spec.knobs()[f"{PARAM}size"] == 128
        assert spec.resolve(cuda=False).params == spec.params

    def test_it_is_sent_to_the_process_of_a_trial(self) -> None:
        """It arrives equal, and under the same name."""
        arrived = pickle.loads(pickle.dumps(self.spec))
        assert arrived == self.spec
        assert arrived.family == self.spec.family
        assert arrived.typical_samples_per_s() > 0, "a sweep's length is estimated by it"


def _list_samples(loader: Any) -> list[tuple[Any, ...]]:
    """Return the samples of an epoch, sorted."""
    found: list[tuple[Any, ...]] = []
    for batch in loader:
        leaves = [leaf.tolist() for leaf in iterate_leaves(batch) if isinstance(leaf, torch.Tensor)]
        found += zip(*leaves, strict=True)
    return sorted(found)
