"""The plan of a sweep as a table."""

from __future__ import annotations

from bench.report.sweep.plan_table import print_left_out, print_plan
from tests.bench.report.printing import capture
from tests.bench.report.sweeps import plan_sweep


def test_the_plan_names_the_baseline() -> None:
    """One line a configuration."""
    sweep = plan_sweep("--num-workers", "0,4")
    lines = capture(lambda c: print_plan(c, sweep)).splitlines()
    assert [line.split() for line in lines[-2:]] == [
        ["0", "num_workers=0"],
        ["1", "num_workers=4", "baseline"],
    ]


def test_settings_that_need_a_gpu_are_one_line() -> None:
    """Other reasons have lines of their own."""
    sweep = plan_sweep(
        "--num-workers", "0,4", "--pin-memory", "off,on", "--transfer", "none,prefetch",
        "--persistent-workers", "off,on", "--device", "cpu",
    )  # fmt: skip
    lines = capture(lambda c: print_left_out(c, sweep.plan)).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("left out ")
    assert lines[0].endswith(": persistent_workers=on needs workers, num_workers is 0")
    assert lines[1].startswith("left out ")
    assert lines[1].endswith(": pin_memory=on and transfer=prefetch take a CUDA device")
    alone = plan_sweep("--transfer", "none,prefetch", "--device", "cpu")
    assert "transfer=prefetch takes a CUDA device" in capture(lambda c: print_left_out(c, alone.plan))


def test_unavailable_configurations_are_told_once() -> None:
    """In the rows of the plan. The results of a sweep list them as failures."""
    sweep = plan_sweep("--num-workers", "0,4", "--device", "cpu,cuda")
    shown = capture(lambda c: print_plan(c, sweep), width=200)
    assert shown.count("no CUDA device here") == 2
    assert capture(lambda c: print_left_out(c, sweep.plan)) == ""
