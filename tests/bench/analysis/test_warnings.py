"""Reasons to distrust figures."""

from __future__ import annotations

import pytest

from bench.analysis.summary import summarise
from bench.analysis.warnings import ResultWarning, find_warnings
from tests.bench import runs
from tests.bench.runs import blocks, ceiling

QUIET = [1.0, 1.01, 0.99]
NAMES = {number: f"loader {number}" for number in range(5)}


def warnings_of(folder, rows, ceilings=None) -> list[ResultWarning]:
    folder.mkdir(exist_ok=True)
    bounds = runs.table(folder / "ceilings", ceilings) if ceilings else None
    return find_warnings(summarise(runs.table(folder / "runs", rows), bounds), NAMES)


def test_quiet_figures_need_no_warning(tmp_path) -> None:
    """Equal blocks, nothing disturbed, a full shuffle."""
    rows = blocks(0, QUIET, shuffle_quality=0.99, build_s=0.1, between_epochs_cpu_s=0.02)
    assert warnings_of(tmp_path, rows) == []


def test_unstable_blocks(tmp_path) -> None:
    """The range of the blocks, and the cures."""
    (found,) = warnings_of(tmp_path, [*blocks(0, [1.0, 2.0, 1.0]), *blocks(1, QUIET)])
    assert found.title == "Unstable"
    assert found.text == (
        "blocks disagree for loader 0 (500 to 1.00k samples/s). "
        "More blocks don't help, as ±5% takes over 60. "
        "Close other programs, try --num-threads 1 and measure longer epochs by --epochs 10."
    )


def test_more_blocks_are_advised_where_they_help(tmp_path) -> None:
    """A few dozen are worth their time."""
    (found,) = warnings_of(tmp_path, blocks(0, [1.0, 1.2, 1.0], num_threads=1))
    assert found.text.endswith(". Close other programs; --precision 5% takes about 26 blocks.")


def test_one_thread_needs_no_advice_on_threads(tmp_path) -> None:
    """There is one already, or some configurations have one."""
    for number, others in enumerate(([], blocks(1, [1.0, 2.0, 1.0], num_threads=2))):
        rows = [*blocks(0, [1.0, 2.0, 1.0], num_threads=1), *others]
        (found,) = warnings_of(tmp_path / str(number), rows)
        assert "--num-threads" not in found.text


def test_disturbed_blocks(tmp_path) -> None:
    """The number of blocks whose figures rest on disturbed epochs."""
    rows = [*blocks(0, QUIET), *blocks(1, QUIET[:2], disturbed="load"), *blocks(1, QUIET)[2:]]
    (found,) = warnings_of(tmp_path, rows)
    assert found == ResultWarning(
        "Disturbed", "loader 1 (2 of 3 blocks), repetitions included; runs.csv names the cause."
    )


def test_more_than_a_ceiling(tmp_path) -> None:
    """Noise explains a tenth, not a quarter."""
    (found,) = warnings_of(tmp_path / "a", blocks(0, QUIET), ceiling("step", [1.25 * wall for wall in QUIET]))
    assert found.title == "Above the ceiling"
    assert found.text.startswith("loader 0 (125%)")
    near = ceiling("step", [1.05 * wall for wall in QUIET])
    assert warnings_of(tmp_path / "b", blocks(0, QUIET), near) == []


def test_less_than_a_shuffle(tmp_path) -> None:
    """The least shuffled comes first."""
    rows = [*blocks(0, QUIET, shuffle_quality=0.5), *blocks(1, QUIET, shuffle_quality=0.1)]
    (found,) = warnings_of(tmp_path, rows)
    assert found.title == "Not fully shuffled"
    assert found.text.startswith("loader 1 (0.10) and loader 0 (0.50)")


@pytest.mark.parametrize(
    ("build_s", "warned"),
    [
        pytest.param((0.2, 0.2), [], id="the same for all"),
        pytest.param((0.2, 0.39), [], id="less than twice the quickest"),
        pytest.param((0.01, 0.05), [], id="less than a twentieth of an epoch"),
        pytest.param((0.2, 0.5), ["Slow to build"], id="both"),
        pytest.param((None, 0.5), [], id="nothing to compare with"),
    ],
)
def test_slow_building(tmp_path, build_s, warned) -> None:
    """Epochs take one second, so the excess over the quickest must be 50 ms, and that one's time again."""
    rows = [line for n, seconds in enumerate(build_s) for line in blocks(n, QUIET, build_s=seconds)]
    assert [one.title for one in warnings_of(tmp_path, rows)] == warned


@pytest.mark.parametrize(
    ("between_s", "cpu_s", "warned"),
    [
        pytest.param(0.07, 1.5, [], id="less than a twentieth of an epoch"),
        pytest.param(0.08, 1.5, ["Work between epochs"], id="more"),
        pytest.param(0.015, 0.03, [], id="less than two ticks"),
        pytest.param(0.025, 0.03, ["Work between epochs"], id="more than two ticks"),
        pytest.param(None, 1.5, [], id="unknown"),
    ],
)
def test_work_between_epochs(tmp_path, between_s, cpu_s, warned) -> None:
    """A twentieth of an epoch's CPU time is allowed, and two ticks of the system's counter."""
    rows = blocks(0, QUIET, between_epochs_cpu_s=between_s, cpu_s=cpu_s)
    assert [one.title for one in warnings_of(tmp_path, rows)] == warned


def test_a_failed_configuration_is_warned_of_by_its_failure_alone(tmp_path) -> None:
    """It has no figures to distrust."""
    rows = [*blocks(0, [1.0, 2.0, 1.0]), runs.failed(0, 3), *blocks(1, QUIET)]
    assert warnings_of(tmp_path, rows) == []
