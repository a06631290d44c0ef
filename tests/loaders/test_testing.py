"""The contracts that other packages run: each clause catches a loader that breaks it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from loaders.spec.knobs import Choice, Knob, knob
from loaders.spec.loader_spec import LoaderSpec
from loaders.spec.own_loader_spec import OwnLoaderSpec
from loaders.testing import FamilyContract, OwnFamilyContract
from loaders.testing.points import list_points
from tests.paths import ROOT

FAULTS = ("none", "short", "labels", "order", "seed", "pixels", "reuse", "stored", "resize")
FAULT = Knob("fault", Choice(FAULTS), help="what is wrong")


@dataclass(frozen=True)
class Faulty(LoaderSpec):
    """A loader in memory that keeps the contract, but for one fault."""

    fault: str = knob(FAULT, "none")

    def typical_samples_per_s(self) -> float:
        return 1e6

    def build(self, source, *, shuffle, seed) -> FaultyLoader:
        return FaultyLoader(self, source, shuffle, seed)


class FaultyLoader:
    def __init__(self, spec: Faulty, source: Any, shuffle: bool, seed: int) -> None:
        self.spec, self.source, self.shuffle = spec, source, shuffle
        self.generator = torch.Generator().manual_seed(0 if spec.fault == "seed" else seed)
        self.order: torch.Tensor | None = None

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        fault, total = self.spec.fault, len(self.source)
        order = torch.randperm(total, generator=self.generator)
        if fault == "order":
            order = self.order = order if self.order is None else self.order
        if not self.shuffle:
            order = torch.arange(total)
            order = order.flip(0) if fault == "stored" else order
        shared = torch.empty(self.spec.batch_size, 1, 28, 28)
        for place in range(0, total - 1 if fault == "short" else total, self.spec.batch_size):
            chosen = order[place : place + self.spec.batch_size]
            chosen = chosen[: total - 1 - place] if fault == "short" else chosen
            images = self.source.images[chosen, None] / (256 if fault == "pixels" else 255)
            if self.spec.resize is not None:
                side = (self.spec.resize, self.spec.resize)
                images = torch.nn.functional.interpolate(
                    images, side, mode="bilinear", antialias=fault != "resize"
                )
            if fault == "reuse" and images.shape[1:] == shared.shape[1:]:
                images = shared[: len(images)].copy_(images)
            yield images, self.source.labels[chosen.flip(0) if fault == "labels" else chosen]


CLAUSES = {
    "short": "test_every_point_keeps_the_contract",
    "labels": "test_every_point_keeps_the_contract",
    "order": "test_every_point_keeps_the_contract",
    "seed": "test_same_seed_same_order",
    "pixels": "test_pixels_are_scaled_and_nothing_else",
    "reuse": "test_batches_stay_as_long_as_a_loader_says",
    "stored": "test_without_shuffle_the_stored_order",
    "resize": "test_resize_is_bilinear_and_antialiased",
}


def run_clause(spec: LoaderSpec, clause: str, factory: Any, folder: Any) -> None:
    """Call a test of the contract as pytest would."""
    contract = type("TestMine", (FamilyContract,), {"spec": spec, "_sources": {}})()
    method: Callable[..., None] = getattr(contract, clause)
    if clause == "test_every_point_keeps_the_contract":
        method(spec.with_knobs({"batch_size": 64}), factory)
    else:
        method(folder if "resize" in clause else factory)


@pytest.mark.parametrize("fault", CLAUSES)
def test_each_clause_catches_its_fault(fault, tmp_path_factory, tmp_path) -> None:
    """And passes a loader without it."""
    run_clause(Faulty(), CLAUSES[fault], tmp_path_factory, tmp_path)
    with pytest.raises(AssertionError):
        run_clause(Faulty(fault=fault), CLAUSES[fault], tmp_path_factory, tmp_path)


def test_the_points_are_those_of_the_grid() -> None:
    """All values of all knobs, but for those that can't feed a CPU."""
    points = list_points(Faulty(), batch_size=64)
    assert {point.fault for point in points} == set(FAULTS)
    assert {point.batch_size for point in points} >= {3, 64, 256, 1024}
    assert all(point.transfer is None for point in points)


class TestAnother(FamilyContract):
    """As a file of another package's tests has it: pytest finds the clauses and the points."""

    spec = Faulty(fault="none")

    def test_every_point_keeps_the_contract(self, point, tmp_path_factory) -> None:
        """Where a knob's values are faults, only one of them is sound."""
        if point.fault == "none":
            super().test_every_point_keeps_the_contract(point, tmp_path_factory)


@dataclass(frozen=True)
class Dropping(OwnLoaderSpec):
    """A family that loses the last batch."""

    @classmethod
    def refuse(cls, facts):
        return None

    def build(self, source):
        return [*source][:-1]

    def describe_changes(self):
        return ["1 +"]


def test_the_contract_of_own_data_catches_faults() -> None:
    """A lost batch, and code that isn't Python."""
    contract = type("TestMine", (OwnFamilyContract,), {"spec": Dropping()})()
    with pytest.raises(AssertionError, match="not the samples of the user's own loader"):
        contract.test_every_point_delivers_what_the_user_has(Dropping())
    with pytest.raises(SyntaxError):
        contract.test_its_changes_are_arguments_in_python()
    contract.test_parameters_are_kept()


@pytest.mark.parametrize("contract", [FamilyContract, OwnFamilyContract])
def test_a_contract_without_a_spec_says_so(contract) -> None:
    """Not an AttributeError in the middle of pytest."""
    with pytest.raises(
        TypeError, match=r"TestMine\.spec: give it an? (Own)?LoaderSpec, as spec = MySpec\(\)"
    ):
        type("TestMine", (contract,), {})().pytest_generate_tests(None)


def test_the_contracts_need_no_pytest() -> None:
    """A package may import them where pytest isn't installed."""
    code = "import sys; sys.modules['pytest'] = None; from loaders.testing import FamilyContract"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
