"""Big figures of a tuning: the gain, the bound on the regret, the ceiling and the time."""

from __future__ import annotations

from collections.abc import Iterator

from bench.analysis.tuning.tuning import Tuning
from bench.report.explain.wording import format_factor
from bench.report.page.interval_words import describe_interval
from bench.report.page.parts import Tile
from bench.report.tune.words import YOURS, find_fate, format_bound, format_percent, name_setting
from bench.text import format_duration, format_rate, format_share


def make_tuning_tiles(tuning: Tuning) -> list[Tile]:
    """Return the figures that the answer of a tuning rests on."""
    return list(_list_tiles(tuning))


def _list_tiles(tuning: Tuning) -> Iterator[Tile]:
    outcome = tuning.outcome
    # Of an undecided tuning the leader's gain is the figure, though it isn't chosen.
    number = outcome.chosen or outcome.leader
    confirmed = outcome.confirmed.get(number)
    if number and confirmed is not None:
        gain = confirmed.gain
        yield Tile(
            f"× {format_factor(gain.median)}",
            f"the speed of {YOURS}, with {name_setting(tuning, number)}",
            describe_interval(gain, format_factor),
        )
    elif number and (ratio := find_fate(tuning, number).race_ratio) is not None:
        name = f"the speed of {YOURS}, with {name_setting(tuning, number)}"
        yield Tile(f"× {format_factor(ratio)}", name, "selected and optimistic: no fresh blocks")
    if (one := outcome.confirmed.get(outcome.chosen)) is not None:
        rate = one.samples_per_s
        name = "samples/s" if outcome.chosen else f"samples/s of {YOURS}"
        yield Tile(format_rate(rate.median), name, describe_interval(rate, format_rate))
    if bound := format_bound(outcome.regret_bound):
        name = f"is what the fastest of {outcome.raced:,} raced gains over "
        confidence = f"with {format_percent(tuning.confidence)} confidence"
        yield Tile(f"≤ {bound}", name + name_setting(tuning, outcome.leader), confidence)
    if (share := tuning.ceiling_share) is not None:
        note = describe_interval(share, format_share)
        yield Tile(format_share(share.median), "of an infinitely fast loader’s speed", note)
    if (grid := tuning.exhaustive) is not None:
        name = f"is the regret, by the whole grid of {grid.configurations:,}"
        time = f"the tuning took {format_share(grid.time_share)} of its time"
        yield Tile(format_percent(max(grid.regret, 0.0)), name, time)
    if tuning.stages:
        yield Tile(format_duration(tuning.seconds), f"for {len(tuning.candidates):,} candidates")
