"""ExplainBlocks: the blocks of an explanation, in which trials and probes run in shuffled order."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from bench.analysis.evidence import BlockEvidence, Pilot
from bench.records.batch_trace import BatchTrace
from bench.records.probe_files import ProbeFiles
from bench.records.row import Row
from bench.records.rung_time import MissingRung, PickleCost, RungTime
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_trials import BlockTrials
from bench.runner.explanation.pilot_plans import PlannedPilot
from bench.runner.explanation.probe_runner import ProbeError
from bench.trial.probe import Kind, Probe

# Place of the configuration in the design of an explanation. Its ceiling comes next, then the probes.
WHOLE = 0
PROBES: tuple[Kind, ...] = ("trace", "ladder")
# Seconds after which a rung of the ladder ends, unless an epoch is shorter.
SHORTEST_RUNG_S, LONGEST_RUNG_S = 0.5, 2.0


class RunsProbes(Protocol):
    """Runs probes, each in a process of its own."""

    def run(self, probe: Probe) -> list[Any]:
        """Run a probe and return what it has seen.

        Raises:
            ProbeError: it failed.
        """


class ListsPilots(Protocol):
    """Tells which changes are worth trying in short."""

    def __call__(self, block: BlockEvidence, /) -> Iterable[PlannedPilot]:
        """Return the changes that a block suggests, the most telling first."""


class ExplainBlocks:
    """Blocks of an explanation: the configuration as it is, its ceiling, a trace, a ladder, and pilots.

    Every block holds each of them once, in shuffled order. Which changes are tried as pilots is decided by
    the first block, at whose end they run. A disturbed trial is repeated at the end of its block. A budget
    ends the blocks early. What failed once isn't tried again.

    Attributes:
        left_out: number of blocks that the budget left no time for.
        failures: one line for each look that failed, by its name.
        pickle_cost: what pickling for a worker takes; None where it wasn't seen.
    """

    def __init__(
        self,
        trials: BlockTrials,
        probes: RunsProbes,
        files: ProbeFiles,
        list_pilots: ListsPilots | None = None,
    ) -> None:
        """Prepare the blocks; nothing is measured yet.

        Args:
            trials: the trials. They must be open when `run` is called.
            probes: runs the probes.
            files: take what the probes see.
            list_pilots: tells the changes that the first block suggests; default None for none.
        """
        self._list_pilots = list_pilots
        self._trials = trials
        self._probes = probes
        self._files = files
        self._design = trials.design
        self._first_probe = len(trials.design.runs)
        self._rows: defaultdict[tuple[int, int, int], list[Row]] = defaultdict(list)
        self._traces: defaultdict[int, list[BatchTrace]] = defaultdict(list)
        self._rungs: defaultdict[int, list[RungTime]] = defaultdict(list)
        self._planned: dict[int, PlannedPilot] = {}
        self._pilots: defaultdict[int, list[Pilot]] = defaultdict(list)
        self._failed: set[int] = set()
        self.left_out = 0
        self.failures: dict[str, str] = {}
        self.pickle_cost: PickleCost | None = None

    @property
    def failure(self) -> str:
        """The error of the configuration itself, after which nothing can be explained; empty without one."""
        return self._find_error(WHOLE)

    @property
    def _first_pilot(self) -> int:
        return self._first_probe + len(PROBES)

    @property
    def _progress(self) -> SweepProgress:
        return self._trials.progress

    def run(self) -> None:
        """Run all blocks.

        Raises:
            DataChangedError: the data changed meanwhile.
            StorageError: a line can't be written.
        """
        blocks = self._design.schedule.blocks
        for block in range(blocks):
            places = [*range(self._first_pilot), *self._planned]
            due = [place for place in places if not self._has_failed(place)]
            # A part of a block has nothing to be compared with.
            if block > 0 and not self._progress.fits(*due):
                self.left_out = blocks - block
                break
            random.Random(f"{self._design.schedule.seed}/{block}").shuffle(due)
            self._run_block(block, due)
            if self._has_failed(WHOLE):
                break
            if block == 0:
                self._begin_pilots(block)

    def _begin_pilots(self, block: int) -> None:
        """Run each pilot that this block suggests, and those that a pilot suggests in turn."""
        while planned := self._find_next_pilot(block):
            place = self._first_pilot + len(self._planned)
            self._planned[place] = planned
            like_trace_s = self._progress.estimate_trial_s(self._first_probe + PROBES.index("trace"))
            self._progress.introduce(f"trying {planned.change.name}", like_trace_s, block)
            if not self._progress.fits(place):
                # It would have to be in each block.
                self._failed.add(place)
                self._progress.skip(place)
                self._progress.skip_rest(place, block)
                continue
            self._run_probe(place, block)

    def _find_next_pilot(self, block: int) -> PlannedPilot | None:
        if self._list_pilots is None:
            return None
        known = {planned.change for planned in self._planned.values()}
        suggested = (
            planned
            for evidence in self.find_evidence()
            if evidence.block == block
            for planned in self._list_pilots(evidence)
        )
        return next((planned for planned in suggested if planned.change not in known), None)

    def _run_block(self, block: int, due: Sequence[int]) -> None:
        for place in due:
            if place < self._first_probe:
                self._run_trial(place, block)
            else:
                self._run_probe(place, block)
        # Repeated at the end of the block, when the disturbance may be over.
        for place in due:
            disturbed = place < self._first_probe and self._trials.needs_repetition(place, block)
            if disturbed and self._progress.fits(place):
                self._progress.add([place])
                self._run_trial(place, block, attempt=1)

    def _run_trial(self, place: int, block: int, attempt: int = 0) -> None:
        for row in self._trials.run_trial(place, block, attempt):
            self._rows[place, block, attempt].append(row)
        if place in self._trials.failed:
            self._progress.skip_rest(place, block)
            if place != WHOLE:
                self.failures["step alone"] = self._find_error(place)

    def _run_probe(self, place: int, block: int) -> None:
        planned = self._planned.get(place)
        kind = PROBES[place - self._first_probe] if planned is None else "trace"
        try:
            with self._progress.trial(place, block):
                seen = self._probes.run(self._make_probe(kind, block, planned))
        except ProbeError as error:
            self.failures[kind if planned is None else f"trying {planned.change.name}"] = str(error)
            self._failed.add(place)
            self._progress.skip(place)
            self._progress.skip_rest(place, block)
            return
        if planned is None:
            self._take(seen, block)
        else:
            self._take_pilot(planned, seen, block)

    def _make_probe(self, kind: Kind, block: int, planned: PlannedPilot | None) -> Probe:
        run, schedule = self._design.runs[WHOLE], self._design.schedule
        return Probe(
            kind,
            run.configuration if planned is None else planned.configuration,
            self._design.workload,
            block,
            # Samples that are slow are told from their neighbours by another order in each block.
            seed=schedule.seed + block if kind == "trace" else schedule.seed,
            epochs=run.epochs,
            limit_s=self._find_rung_s(),
        )

    def _find_rung_s(self) -> float:
        """Return the seconds after which a rung ends: the length of an epoch, within bounds.

        A rung with workers goes on until then, however few batches an epoch has.
        """
        walls = [
            row.wall_s
            for (place, _, _), rows in self._rows.items()
            for row in rows
            if place == WHOLE and row.wall_s is not None
        ]
        return min(LONGEST_RUNG_S, max(SHORTEST_RUNG_S, *walls)) if walls else LONGEST_RUNG_S

    def _take(self, seen: Sequence[Any], block: int) -> None:
        """Keep what a probe has seen, and write it to its file."""
        for item in seen:
            if isinstance(item, BatchTrace):
                self._traces[block].append(item)
                self._files.write_trace(item, block)
            elif isinstance(item, PickleCost):
                self.pickle_cost = item
            elif isinstance(item, MissingRung):
                self.failures[f"rung {item.stage or item.rung}"] = item.reason
        rungs = [item for item in seen if isinstance(item, RungTime)]
        self._rungs[block] += rungs
        self._files.write_rungs(rungs)

    def _take_pilot(self, planned: PlannedPilot, seen: Sequence[Any], block: int) -> None:
        """Keep the traces of a pilot, and write them to their file."""
        traces = tuple(item for item in seen if isinstance(item, BatchTrace) and item.batches)
        for trace in traces:
            self._files.write_trace(trace, block, planned.change.name)
        # An epoch without a batch tells nothing.
        if not traces:
            return
        self._pilots[block].append(Pilot(planned.change, planned.setup, traces))

    def find_evidence(self) -> tuple[BlockEvidence, ...]:
        """Return what was measured so far in blocks that have an epoch of the configuration itself."""
        found = (
            BlockEvidence(
                block,
                whole=self._find_rows(WHOLE, block),
                step_alone=tuple(
                    row for place in range(1, self._first_probe) for row in self._find_rows(place, block)
                ),
                traces=tuple(self._traces[block]),
                rungs=tuple(self._rungs[block]),
                pilots=tuple(self._pilots[block]),
            )
            for block in range(self._design.schedule.blocks)
        )
        return tuple(evidence for evidence in found if evidence.whole)

    def _find_rows(self, place: int, block: int) -> tuple[Row, ...]:
        """Return the epochs of a run that count: those of the first undisturbed attempt, else of the last."""
        attempts = [
            tuple(
                row
                for row in self._rows[place, block, attempt]
                # An epoch that was timed on the GPU ran beside another load.
                if row.status == "ok" and row.timed_by == "clock"
            )
            for attempt in (0, 1)
        ]
        measured = [rows for rows in attempts if rows]
        calm = [rows for rows in measured if all(row.disturbed is None for row in rows)]
        return next(iter([*calm, *reversed(measured)]), ())

    def _has_failed(self, place: int) -> bool:
        return place in self._trials.failed or place in self._failed

    def _find_error(self, place: int) -> str:
        """Return the first error of a run; empty without one."""
        errors = (
            row.error or row.status
            for (where, _, _), rows in self._rows.items()
            for row in rows
            if where == place and row.status != "ok"
        )
        return next(errors, "")
