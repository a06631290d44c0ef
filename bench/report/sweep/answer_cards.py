"""AnswerCard: the answer for one kind of work, as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bench.analysis.answer import Answer
from bench.report.labels import Labels
from bench.report.page.interval_words import describe_interval
from bench.report.page.markup import to_html
from bench.report.page.parts import Tile
from bench.report.sweep.answer_words import CEILINGS, describe_answer
from bench.text import format_rate, format_ratio, format_share


@dataclass(frozen=True)
class Reach:
    """Share of the throughput with an infinitely fast loader that something reaches.

    Attributes:
        name: what reaches it.
        share: the share, 0 to 1.
        text: the share in words.
    """

    name: str
    share: float
    text: str


@dataclass(frozen=True)
class AnswerCard:
    """The answer for one kind of work.

    Attributes:
        work: the kind of work; empty where the sweep has one.
        choice: sentence on the configuration to use, its gain, and how sure that is.
        possible: sentence on how much there is to gain at all; empty where nobody knows.
        device: sentence on the GPU and how busy it is; empty without one.
        bound: sentence on what bounds the configuration.
        tiles: the figures of these sentences.
        reaches: the baseline and the configuration beside an infinitely fast loader; empty where it is
            unknown.
        code: lines of code to paste; empty where the folder doesn't hold them.
        settings: the configuration's settings, as pairs of a name and a value.
    """

    work: str
    choice: Markup
    possible: Markup
    device: Markup
    bound: Markup
    tiles: tuple[Tile, ...]
    reaches: tuple[Reach, ...]
    code: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]


def make_card(
    answer: Answer, labels: Labels, code: Sequence[str], settings: Mapping[str, str], gpu: str = ""
) -> AnswerCard:
    """Return the card of an answer.

    Args:
        answer: the answer.
        labels: names of the configurations.
        code: lines of code that make the configuration's loader.
        settings: the configuration's settings.
        gpu: name of the GPU; default empty where there is none.
    """
    words = describe_answer(answer, labels, gpu)
    return AnswerCard(
        work=answer.work,
        choice=to_html(words.choice),
        possible=to_html(words.possible),
        device=to_html(words.device),
        bound=to_html(words.bound),
        tiles=tuple(_make_tiles(answer)),
        reaches=tuple(_make_reaches(answer, labels)),
        code=tuple(code),
        settings=tuple(settings.items()),
    )


def _make_tiles(answer: Answer) -> list[Tile]:
    rate = answer.samples_per_s
    tiles = []
    if answer.ratio is not None and not answer.is_baseline:
        ratio = format_ratio(answer.ratio.median)
        tiles.append(
            Tile(f"× {ratio}", "the speed of the baseline", describe_interval(answer.ratio, format_ratio))
        )
    tiles.append(Tile(format_rate(rate.median), "samples/s", describe_interval(rate, format_rate)))
    if (possible := answer.possible_gain) is not None:
        share_text, settings = format_share(min(possible.share, 1.0)), possible.settings
        note = f"with {settings}" if settings else ""
        tiles.append(Tile(share_text, "of an infinitely fast loader’s speed", note))
    elif answer.ceiling_share is not None and answer.ceiling:
        share = answer.ceiling_share
        name = f"of the speed of {CEILINGS[answer.ceiling]}"
        tiles.append(Tile(format_share(share.median), name, describe_interval(share, format_share)))
    if answer.has_step:
        tiles.append(Tile(format_share(answer.waiting), "of the time training waits for data"))
    if answer.busy is not None:
        bound = "at most" if answer.busy.is_bound else ""
        tiles.append(Tile(format_share(answer.busy.share), "of the time the GPU computes", bound))
    return tiles


def _make_reaches(answer: Answer, labels: Labels) -> list[Reach]:
    possible = answer.possible_gain
    if possible is None:
        return []
    shares = {}
    if (baseline := possible.baseline_share) is not None and not answer.is_baseline:
        shares[f"the baseline {labels.short.get(answer.baseline, '')}".strip()] = baseline.median
    shares[labels.short[answer.configuration]] = possible.share
    reached = [Reach(name, min(share, 1.0), format_share(share)) for name, share in shares.items()]
    settings = f" with {possible.settings}" if possible.settings else ""
    return [*reached, Reach(f"an infinitely fast loader{settings}", 1.0, "100%")]
