"""Tests of resuming: environments that are compared, and facts that may differ."""

from __future__ import annotations

import pytest

from bench.records.errors import ResultsError
from bench.runner.resume import check_data, check_plan, find_differences

THEN = {
    "commit": "abc",
    "dataset": {"name": "synthetic:60000", "sha256": "0123456789ab"},
    "machine": {
        "id": "12345678", "system": "Linux", "release": "6.1", "architecture": "x86_64", "cpu": "A",
        "cores": 2, "cores_usable": 2, "memory_bytes": 8 * 2**30, "memory_available_bytes": 2**30,
        "load_average": [1, 2, 3],
    },
    "gpu": None,
    "versions": {"python": "3.12.1", "torch": "2.6.0"},
    "torch": {"num_threads": 2},
    "ring": "ring.c",
    "variables": {},
    "sweep": {"plan": [{"family": "torch_dataloader"}]},
}  # fmt: skip


def changed(part: str, **values) -> dict:
    return {**THEN, part: {**(THEN[part] or {}), **values}}


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (THEN, []),
        (changed("machine", memory_available_bytes=2**20, load_average=[9, 9, 9]), []),
        (changed("machine", memory_bytes=8 * 2**30 - 2**20), []),
        (changed("machine", memory_bytes=2**30), [f"memory_bytes {8 * 2**30}, now {2**30}"]),
        (changed("machine", id="87654321"), ["id 12345678, now 87654321"]),
        (changed("machine", cpu="B", cores_usable=1), ["cpu A, now B", "cores_usable 2, now 1"]),
        (changed("versions", torch="2.7.0"), ["torch 2.6.0, now 2.7.0"]),
        (changed("torch", num_threads=1), ["torch num_threads 2, now 1"]),
        (changed("gpu", name="H100"), ["gpu none, now H100"]),
        (changed("variables", OMP_NUM_THREADS="1"), ["variables OMP_NUM_THREADS none, now 1"]),
        ({**THEN, "commit": "def"}, ["commit abc, now def"]),
        ({**THEN, "ring": "no compiler"}, ["ring ring.c, now no compiler"]),
    ],
)
def test_facts_that_change_figures_are_told(now, says) -> None:
    assert find_differences(THEN, now) == says


def test_other_data_is_refused() -> None:
    check_data(THEN, "0123456789ab")
    with pytest.raises(ResultsError, match=r"other data \(SHA-256 01234567…, now ba987654…\)"):
        check_data(THEN, "ba9876543210")


def test_another_plan_is_refused() -> None:
    """An environment without a plan is refused too."""
    check_plan(THEN, [{"family": "torch_dataloader"}])
    for then in (THEN, {}):
        with pytest.raises(ResultsError, match="no longer make the configurations"):
            check_plan(then, [{"family": "stream"}])
