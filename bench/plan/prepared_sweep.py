"""PreparedSweep: a plan with its names, its runs and its folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bench.plan.ceilings import find_captured_bytes
from bench.plan.grid import Machine
from bench.plan.plan import Plan
from bench.plan.schedule import ScheduledRun, name_runs
from bench.plan.sweep_options import SweepOptions
from bench.process.running_clock import read_running_s


@dataclass(frozen=True)
class PreparedSweep:
    """A sweep that is about to run.

    Attributes:
        options: order that it carries out.
        machine: facts of the machine that the plan was made for.
        plan: configurations that it measures, and those that it leaves out.
        names: name of each configuration of the plan.
        runs: content of a block: configurations that can run here, and their ceilings.
        folder: results folder.
        began_s: reading of `read_running_s` when the sweep was prepared.
    """

    options: SweepOptions
    machine: Machine
    plan: Plan
    names: tuple[str, ...]
    runs: tuple[ScheduledRun, ...]
    folder: Path
    began_s: float = field(default_factory=read_running_s, compare=False, repr=False)

    @property
    def captured_bytes(self) -> int | None:
        """Most bytes of the batches that a ceiling holds in memory; None where none holds any."""
        return find_captured_bytes(run.configuration for run in self.runs if run.bounds is not None)

    @property
    def is_resumed(self) -> bool:
        """True if the folder holds a part of the sweep already."""
        return self.options.resume is not None

    def name_runs(self) -> list[str]:
        """Return the name of each run of a block."""
        return name_runs(self.runs, self.names)

    def estimate_runs_s(self, samples: int) -> list[float]:
        """Return about how long each run of a block takes, in seconds.

        Args:
            samples: size of the data.
        """
        return [run.configuration.estimate_s(samples, run.epochs) for run in self.runs]

    def add_threads(self, number: int, code: list[str]) -> list[str]:
        """Return the lines of code that make a configuration, with torch's number of threads.

        Args:
            number: place of the configuration in the plan.
            code: lines that make its loader: imports, an empty line, and others; or others alone.
        """
        configuration = self.plan.configurations[number]
        if configuration.num_threads == self.machine.num_threads:
            return code
        threads = f"torch.set_num_threads({configuration.num_threads})"
        if "" not in code:
            return ["import torch", "", threads, "", *code]
        place = code.index("")
        imports, others = code[:place], code[place + 1 :]
        if "import torch" not in imports:
            imports.insert(0, "import torch")
        return [*imports, "", threads, *others]
