"""How busy the GPU is with a configuration, from fresh blocks."""

from __future__ import annotations

from bench.analysis.device_busy import DeviceBusy
from bench.analysis.tuning.gpu_busy import find_gpu_busy
from bench.records.results_folder import DEVICE
from bench.records.runs_file import RunsFile
from tests.bench import runs


def test_steps_are_compared_with_the_timed_epochs(tmp_path) -> None:
    """Each configuration by itself; one without a timed epoch has no figure."""
    rows = [*runs.blocks(0, [2.0] * 3, device="cuda"), *runs.blocks(1, [0.5] * 3, device="cuda")]
    runs.written(tmp_path, rows)
    timed = [runs.row(n, device="cuda", timed_by="events", step_s=0.4, data_wait_s=0.0) for n in (0, 1)]
    with RunsFile(tmp_path / DEVICE, timed[0].knobs) as file:
        for row in timed:
            file.write(row)
    assert find_gpu_busy(tmp_path, 0) == DeviceBusy(0.2, is_bound=True)
    assert find_gpu_busy(tmp_path, 1) == DeviceBusy(0.8, is_bound=True)
    assert find_gpu_busy(tmp_path, 2) is None


def test_without_a_gpu_nothing_is_known(tmp_path) -> None:
    """Nor without fresh blocks."""
    assert find_gpu_busy(tmp_path / "none", 0) is None
    runs.written(tmp_path, runs.blocks(0, [2.0]))
    assert find_gpu_busy(tmp_path, 0) is None
