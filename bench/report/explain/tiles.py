"""Big figures of an explanation: the speed, what there is to gain, and the best change."""

from __future__ import annotations

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.answer import is_ceiling_disturbed
from bench.report.explain.wording import format_factor
from bench.report.page.interval_words import describe_interval
from bench.report.page.parts import Tile
from bench.text import format_rate, format_share, printable


def make_explanation_tiles(explanation: Explanation) -> list[Tile]:
    """Return the figures that the answer of an explanation rests on."""
    rate = explanation.samples_per_s
    tiles = [Tile(format_rate(rate.median), "samples/s now", describe_interval(rate, format_rate))]
    possible = explanation.possible
    if possible is not None and not is_ceiling_disturbed(explanation):
        note = describe_interval(possible, format_factor)
        tiles.append(Tile(f"× {format_factor(possible.median)}", "with an infinitely fast loader", note))
    if explanation.advice:
        best = explanation.advice[0]
        found, how = (best.gain, "predicted") if best.actual is None else (best.actual, "measured")
        if found is not None:
            name = f"{how} with {printable(best.change)}"
            tiles.append(
                Tile(f"× {format_factor(found.median)}", name, describe_interval(found, format_factor))
            )
    if explanation.diagnosis.loss is not None:
        tiles.append(Tile(format_share(explanation.diagnosis.loss), "of an epoch is lost to the cause"))
    return tiles
