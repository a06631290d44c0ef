"""The charts of a sweep, in the order of a report."""

from __future__ import annotations

from collections.abc import Callable

from bench.report.charts.chart import Chart
from bench.report.charts.heat_map import make_heat_map
from bench.report.charts.memory import make_memory
from bench.report.charts.ranked_sweep import RankedSweep
from bench.report.charts.ranking import make_ranking
from bench.report.charts.shuffle_quality import make_shuffle_quality
from bench.report.charts.start_up import make_start_up
from bench.report.charts.throughput_by_knob import make_throughput_by_batch_size, make_throughput_by_workers
from bench.report.charts.time_on_device import make_time_on_device
from bench.report.charts.where_time_goes import make_where_time_goes

MAKERS: tuple[Callable[[RankedSweep], Chart | None], ...] = (
    make_ranking,
    make_throughput_by_workers,
    make_throughput_by_batch_size,
    make_heat_map,
    make_where_time_goes,
    make_time_on_device,
    make_start_up,
    make_memory,
    make_shuffle_quality,
)
