"""Bases: the configurations that were traced, and which of them a change is predicted from."""

from __future__ import annotations

import math

from bench.analysis.evidence import Evidence, PilotChange
from bench.analysis.replay.basis import Basis, find_bases
from bench.analysis.replay.change import Change
from bench.analysis.replay.ladder_times import read_ladder
from bench.analysis.replay.phase_rows import find_phase_rows


class Bases:
    """The configurations that were traced, and which of them a change is predicted from.

    Attributes:
        setup: the present configuration.
        present: the present configuration, traced.
        pilots: those that were tried beside it.
    """

    def __init__(self, evidence: Evidence) -> None:
        """Read what was traced.

        Args:
            evidence: what was measured of one configuration.
        """
        self.setup = evidence.setup
        traces = [trace for block in evidence.blocks for trace in block.traces if trace.is_inside_known]
        transforms = len(traces[0].transforms) if traces else 0
        ladder = read_ladder((rung for block in evidence.blocks for rung in block.rungs), transforms)
        rows = [row for block in evidence.blocks for row in block.whole]
        is_steady = bool(find_phase_rows(rows, is_steady=True))
        self.present, *pilots = find_bases(evidence.blocks, evidence.setup, ladder, is_steady=is_steady)
        self.pilots: tuple[Basis, ...] = tuple(pilots)

    @property
    def tried_threads(self) -> list[int]:
        """Numbers of torch's threads, other than the present one, whose effect is known."""
        numbers = {basis.setup.num_threads for basis in self.pilots if basis.models}
        return sorted(numbers - {self.setup.num_threads})

    def find_pilot(self, change: PilotChange) -> Basis | None:
        """Return what was tried; None where it wasn't."""
        return next((basis for basis in self.pilots if basis.change == change), None)

    def choose(self, change: Change) -> Basis | None:
        """Return what a change is predicted from; None where it makes no sense, or no replay is trusted.

        It is the configuration with as many of torch's threads whose number of workers is nearest.
        """
        if not self.makes_sense(change):
            return None
        known = [
            basis
            for basis in (self.present, *self.pilots)
            if basis.setup.family == self.setup.family
            and basis.models
            and basis.setup.num_threads == change.count_threads(self.setup)
        ]
        if change.num_workers is None and change.num_threads is None:
            known = [basis for basis in known if basis is self.present]
        workers = change.count_workers(self.setup)
        # What workers do is seen beside workers, and what they don't without any.
        alike = [basis for basis in known if bool(basis.setup.num_workers) == bool(workers)] or known
        trusted = [basis for basis in alike if basis.is_trusted or self.is_tried(basis, change)]

        def measure_distance(basis: Basis) -> float:
            return abs(math.log((basis.setup.num_workers + 0.5) / (workers + 0.5)))

        # The present one comes first, and so is preferred among those that are as near.
        return min(trusted, key=measure_distance, default=None)

    def makes_sense(self, change: Change) -> bool:
        """Tell whether the present configuration can be changed so."""
        return all(
            change.makes_sense(model.setup, model.times.names)
            for models in self.present.models.values()
            for model in models
        )

    def is_tried(self, basis: Basis, change: Change) -> bool:
        """Tell whether a basis is a pilot of just that change."""
        return basis is not self.present and basis.is_exactly(change, self.setup)
