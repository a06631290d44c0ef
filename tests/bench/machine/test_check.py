"""Checks are made one by one, and a broken one spoils no other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.machine import checks, cpu_checks
from bench.machine.check import SEVERITIES, Check, find_concerns
from bench.machine.requirements import LoaderSettings, estimate_requirements
from loaders.registry import families, own_families

NEEDS = estimate_requirements(LoaderSettings(1024, 2))


def test_concerns_have_a_cure() -> None:
    """An unknown outcome asks for nothing."""
    found = [Check(verdict, verdict, "", None) for verdict in SEVERITIES]
    assert [check.severity for check in find_concerns(found)] == ["warn", "fail"]


def test_a_look_that_fails_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is unknown, and the others are made."""

    def broken(**_: float) -> float:
        raise RuntimeError("no\x1b[31m such\nthing")

    monkeypatch.setattr(cpu_checks.psutil, "cpu_percent", broken)
    found = list(checks.check_machine(NEEDS, data_dir=tmp_path, out=tmp_path))
    assert found[0] == Check("load", "unknown", "can't be found out: RuntimeError: no[31m such thing", None)
    assert [check.name for check in found][-1] == "results folder"


def test_all_checks_from_within_a_sweep(tmp_path: Path) -> None:
    """Each is one line, with a cure if it is a concern."""
    found = checks.check_all(NEEDS, data_dir=tmp_path / "data", out=tmp_path / "results")
    assert {"cores", "memory", "torch", "torchvision", "gpu"} <= {check.name for check in found}
    for check in found:
        assert check.severity in SEVERITIES
        assert (check.cure is not None) == (check.severity in ("warn", "fail"))
        assert "\n" not in f"{check.found}{check.cure}"
    assert list(tmp_path.iterdir()) == []


def test_torchvision_is_looked_at_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import takes over a second, and a sweep of own data or of tensors doesn't use it."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    where = {"data_dir": tmp_path / "data", "out": tmp_path / "results"}
    found = {check.name: check for check in checks.check_all(NEEDS, **where)}
    assert found["torchvision"].severity == "fail"
    assert "torchvision" not in {check.name for check in checks.check_all(NEEDS, **where, torchvision=False)}


def test_families_say_that_they_need_torchvision() -> None:
    """Those whose modules import it."""
    needing = {name for name, family in {**families(), **own_families()}.items() if family.needs_torchvision}
    assert needing == {"torch_dataloader", "image_folder"}
