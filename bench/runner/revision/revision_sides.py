"""RevisionSide: one commit of a comparison, ready to be measured beside the other one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import BaseContext
from pathlib import Path

from bench.analysis.comparison.matching import name_asked
from bench.plan.plan import Plan, PlanError
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.request import Request
from bench.plan.sweep_options import SweepOptions
from bench.process.errors import ProcessError
from bench.records import results_folder
from bench.records.row import Row
from bench.runner.sweep_session import find_limits, prepare_sweep
from bench.runner.trial_process import TrialRunner
from bench.text import join_few
from bench.trial.trial import Trial
from bench.workloads.choice import OwnChoice, choose_workload
from bench.workloads.revision.checkout import Checkout
from bench.workloads.script.script_choice import ScriptChoice
from bench.workloads.target.target import TargetError


@dataclass(frozen=True)
class RevisionSide:
    """One commit of a comparison, ready to be measured.

    Attributes:
        name: `old` or `new`, and the name of its results folder.
        checkout: the commit in a temporary folder.
        choice: its loader or script.
        sweep: what is measured of it.
    """

    name: str
    checkout: Checkout
    choice: OwnChoice | ScriptChoice
    sweep: PreparedSweep

    @property
    def configurations(self) -> list[dict[str, str]]:
        """Options of the command for each configuration, by column. Both sides have the same."""
        return list_asked(self.sweep.plan, self.sweep.options.request)

    def name_configurations(self) -> list[str]:
        """Return the name of each configuration, by what the command asks for."""
        return [name_asked(asked) for asked in self.configurations]


class RevisionRunner(TrialRunner):
    """Runs trials of one commit, whose processes find its modules."""

    def __init__(self, context: BaseContext, side: RevisionSide) -> None:
        """Prepare to run trials.

        Args:
            context: starts the processes.
            side: the commit.
        """
        super().__init__(context, find_limits(side.sweep), side.sweep.folder / results_folder.LOG)
        self._checkout = side.checkout

    def run(self, trial: Trial) -> Iterator[Row]:
        """Run a trial and yield its rows, as `TrialRunner.run` does."""
        with self._checkout.use_modules():
            yield from super().run(trial)


def prepare_side(name: str, checkout: Checkout, order: SweepOptions, folder: Path) -> RevisionSide:
    """Inspect the target of one commit, and choose its configurations. Nothing is measured.

    Args:
        name: `old` or `new`.
        checkout: the commit in a temporary folder.
        order: what is measured of both.
        folder: results folder of both.

    Raises:
        TargetError: the target can't be measured in this commit.
        PlanError: nothing that was asked for can be measured in it.
        ProcessError: no process can be started.
        ResultsError: the folder can't take the results.
        RevisionError: it imports modules from the working tree.
    """
    order = replace(order, start=checkout.start, out=folder / name)
    with checkout.use_modules(), _name_revision(checkout):
        choice = choose_workload(order)
        assert isinstance(choice, OwnChoice | ScriptChoice)
        sweep = prepare_sweep(order, choice.offer)
    checkout.check_modules(choice.workload.stamps)
    # What a ceiling tells, a comparison doesn't ask.
    runs = tuple(run for run in sweep.runs if run.bounds is None)
    return RevisionSide(name, checkout, choice, replace(sweep, runs=runs))


def check_sides(sides: Sequence[RevisionSide]) -> None:
    """Check that both sides have a configuration that can be compared.

    Raises:
        PlanError: they have none.
    """
    old, new = (set(side.name_configurations()) for side in sides)
    if not old & new:
        raise PlanError(
            f"nothing to compare: one has {join_few(sorted(old))}, the other {join_few(sorted(new))}"
        )


def list_asked(plan: Plan, request: Request) -> list[dict[str, str]]:
    """Return the cells of each configuration of a plan that a request gives values for, by column.

    Other knobs are left out: the loader's own, which a commit may change, are what is compared.
    """
    consumer = {
        "family": request.family,
        "device": request.device,
        "step": request.step,
        "num_threads": request.num_threads,
    }
    asked = [*(name for name, values in consumer.items() if len(values or ()) > 1), *(request.knobs or {})]
    return [{name: cells[name] for name in asked if cells.get(name)} for cells in plan.cells()]


@contextmanager
def _name_revision(checkout: Checkout) -> Iterator[None]:
    """Let an error begin with the commit that it is about, and name files in it as git does."""
    try:
        yield
    except (TargetError, PlanError, ProcessError) as error:
        text = checkout.name_paths(str(error))
        raise type(error)(f"{checkout.revision}: {text}{_hint_at_links(checkout, text)}") from error


def _hint_at_links(checkout: Checkout, text: str) -> str:
    """Return what to do where an error names a file that no commit holds; empty where it names none."""
    new = [name for name in checkout.repository.list_untracked() if name in text]
    return f"; no commit holds {new[0]}, and --link {new[0]} links it from the working tree" if new else ""
