"""The share of an epoch in which a GPU computes."""

from __future__ import annotations

import math

import pytest

from bench.analysis.device_busy import DeviceBusy, find_busy

LINE = {
    "device": "cuda", "step": "analytic", "cuda_graph": "off", "wall_s": 2.0,
    "device_data_s": 0.25, "device_transfer_s": 0.4, "device_step_s": 0.75,
}  # fmt: skip


def test_steps_and_the_loaders_kernels_count() -> None:
    """Copies may run beside them, so they don't."""
    assert find_busy(LINE) == DeviceBusy(0.5, is_bound=True)
    assert find_busy({**LINE, "device_data_s": math.nan}) == DeviceBusy(0.375, is_bound=True)


def test_a_graph_holds_no_gaps() -> None:
    """The share is then the GPU's own time, unless the loader's kernels may run beside it."""
    graph = {**LINE, "cuda_graph": "on"}
    assert find_busy({**graph, "device_data_s": 0.0}) == DeviceBusy(0.375, is_bound=False)
    assert find_busy({**graph, "device_data_s": math.nan}) == DeviceBusy(0.375, is_bound=False)
    assert find_busy(graph) == DeviceBusy(0.5, is_bound=True)


def test_no_gpu_computes_for_more_than_all_of_an_epoch() -> None:
    """The kernels were timed in another epoch than those that are compared."""
    assert find_busy({**LINE, "device_step_s": 3.0}) == DeviceBusy(1.0, is_bound=True)


@pytest.mark.parametrize(
    "changes", [{"device": "cpu"}, {"step": "none"}, {"device_step_s": math.nan}, {"wall_s": math.nan}]
)
def test_what_was_not_timed_is_unknown(changes) -> None:
    """Such as a configuration that failed, or the loader alone."""
    assert find_busy({**LINE, **changes}) is None
