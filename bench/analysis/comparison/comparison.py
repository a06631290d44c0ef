"""Comparison: the same configurations measured twice, and which of them became slower or faster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.analysis.statistics import Estimate

Judgement = Literal["same", "faster", "slower", "undecided"]
Form = Literal["text", "md", "json"]
# The worst first, as a report lists them.
JUDGEMENTS: tuple[Judgement, ...] = ("slower", "undecided", "faster", "same")
MARGIN = 0.03
# Exit codes of a comparison beside 0, nothing is slower.
SLOWER, UNDECIDED, NOT_COMPARABLE = 1, 3, 4


@dataclass(frozen=True)
class ComparisonOptions:
    """Options of a comparison.

    Attributes:
        margin: differences up to this share count as the same; default 0.03.
        across_machines: compare the ratios to the baseline instead of the throughputs; default False.
        paired: whether both sides were measured in common blocks, so that ratios are taken inside each block;
            default None takes it from the folders.
        form: how it is printed: `text` for people, `md` for a pull request, `json` for programs; default
            `text`.
    """

    margin: float = MARGIN
    across_machines: bool = False
    paired: bool | None = None
    form: Form = "text"


@dataclass(frozen=True)
class ComparedConfiguration:
    """One configuration that both sides hold.

    Attributes:
        name: name that tells it from the others of the comparison.
        number_a: its number in A's summary.
        number_b: its number in B's summary.
        a: throughput in A in samples/s; across machines its ratio to the baseline. None where nothing was
            measured.
        b: the same of B.
        ratio: B over A; below 1 B is slower. Each end of its interval holds with 95% confidence, so that it
            is a 90% interval. None where one side has no figure. Its `blocks` are the fewest of both sides.
        judgement: `same`, `faster`, `slower` or `undecided`.
        reason: cause why it is undecided, in a few words; empty otherwise.
    """

    name: str
    number_a: int
    number_b: int
    a: float | None
    b: float | None
    ratio: Estimate | None
    judgement: Judgement
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two sides that hold the same configurations, such as two results folders.

    Attributes:
        name_a: name of the old side, such as its folder or its commit.
        name_b: name of the new side.
        folder_a: results folder of the old side.
        folder_b: results folder of the new side.
        options: options of the comparison; its `paired` is never None here.
        configurations: configurations that both sides hold, in A's order.
        obstacles: facts that differ so that the sides can't be compared, each in one line.
        notices: facts to know before reading the figures, each in one line.
        only_a: names of the configurations that only A holds.
        only_b: names of the configurations that only B holds.
    """

    name_a: str
    name_b: str
    folder_a: Path
    folder_b: Path
    options: ComparisonOptions
    configurations: tuple[ComparedConfiguration, ...]
    obstacles: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()

    def select(self, judgement: Judgement) -> list[ComparedConfiguration]:
        """Return the configurations of one judgement."""
        return [one for one in self.configurations if one.judgement == judgement]

    @property
    def exit_code(self) -> int:
        """Exit code: 0 nothing is slower, 1 one is slower, 3 one is undecided, 4 nothing can be compared."""
        if self.obstacles:
            return NOT_COMPARABLE
        if self.select("slower"):
            return SLOWER
        return UNDECIDED if self.select("undecided") else 0
