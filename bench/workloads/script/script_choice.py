"""ScriptChoice: the script that a user asks for, and which of its DataLoaders is varied."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.plan.offer import Offer
from bench.plan.sweep_options import SweepOptions
from bench.process.errors import ProcessError
from bench.process.forkserver import prepare_context
from bench.process.fresh_process import FreshProcess
from bench.process.running_clock import read_running_s
from bench.text import join_few
from bench.workloads.inspection.look_limit import LookLimit
from bench.workloads.script.script import Script
from bench.workloads.script.script_file import TRIAL_VARIABLE, ScriptFile
from bench.workloads.script.script_inspection import ScriptInspection, ScriptLook
from bench.workloads.script.script_tally import FoundLoader
from bench.workloads.target.target import TargetError
from loaders.families.dataloader import OwnDataLoader
from loaders.registry import own_families

FAMILY = "dataloader"


@dataclass(frozen=True)
class ScriptChoice:
    """A training script, and the DataLoader of it that is varied.

    Attributes:
        workload: the workload, which is known as soon as the script was run once.
        others: DataLoaders of the script that stay as they are.
        files: files and folders that the script wrote in that run.
    """

    workload: Script
    others: tuple[FoundLoader, ...]
    files: tuple[str, ...]

    @property
    def offer(self) -> Offer:
        """The DataLoader that is varied; no other family can stand in a script."""
        specs = {FAMILY: OwnDataLoader(facts=self.workload.picked.facts)}
        reason = "a script keeps its own DataLoaders"
        refused = {name: reason for name in own_families() if name != FAMILY}
        return Offer(specs, FAMILY, refused, most_epochs=self.workload.epochs)

    @property
    def expected_samples(self) -> int:
        """Samples in an epoch, or a guess."""
        return self.workload.samples or 10_000

    def find(self, notify: Callable[[str], None], show: object) -> Script:
        """Return the workload, and tell what the script's first run has shown."""
        del show
        if self.others:
            names = join_few(str(other) for other in self.others)
            kept = "is kept as it is" if len(self.others) == 1 else "are kept as they are"
            notify(
                f"{self.workload.name}: {self.workload.picked} is varied, and {names} {kept}. "
                f"--pick NAME varies another.{self._tell_beside()}"
            )
        if self.files:
            notify(
                f"As {self.workload.name} ran, {join_few(self.files)} appeared. Each trial runs it again: "
                f"{TRIAL_VARIABLE}=1 in its environment lets the script leave out what it writes."
            )
        return self.workload

    def _tell_beside(self) -> str:
        """Return a sentence about DataLoaders that the script reads in turn with the picked one."""
        picked = self.workload.picked
        if not picked.beside:
            return ""
        names, verb = join_few(picked.beside), "is" if len(picked.beside) == 1 else "are"
        return f" {names} {verb} loaded within an epoch of {picked.name}: the step has that time."


def choose_script(options: SweepOptions, start: Path, within_s: float | None = None) -> ScriptChoice:
    """Return the script that a sweep asks for. It is run once, in a process of its own.

    Args:
        options: order of the sweep.
        start: folder in which a relative path begins.
        within_s: seconds that --budget leaves for that; default None for no such limit.

    Raises:
        TargetError: the script can't be measured.
    """
    script = ScriptFile.parse(str(options.target), options.script_args, start)
    found = inspect_script(script, options, within_s)
    picked = pick_loader(script.text, found.loaders, options.pick)
    if found.has_ended and not picked.epochs:
        raise TargetError(
            f"{script.text} takes no more than a first batch of {picked}: vary another one by --pick"
        )
    workload = Script(
        script,
        picked,
        found.digest,
        found.stamps,
        options.batches,
        picked.epochs if found.has_ended else None,
    )
    others = tuple(other for other in found.loaders if other is not picked)
    return ScriptChoice(workload, others, found.files)


def inspect_script(
    script: ScriptFile, options: SweepOptions, within_s: float | None = None
) -> ScriptInspection:
    """Run a script in a process of its own until the DataLoader to vary is known.

    Args:
        script: the script.
        options: order of the sweep.
        within_s: seconds that --budget leaves for that; default None for no such limit.

    Raises:
        TargetError: it can't be measured. Its output is kept in a file then.
    """
    descriptor, name = tempfile.mkstemp(prefix=f"loaderbench-{script.path.stem}-", suffix=".log")
    os.close(descriptor)
    log = Path(name)
    limit = LookLimit(options.timeout_s, "--timeout").shorten(within_s)
    look = partial(ScriptLook, script, options.pick, options.batches)
    try:
        context = prepare_context((Script.__module__, ScriptLook.__module__))
        with FreshProcess(look, context=context, log=log, title=f"first run of {script.text}") as process:
            found = process.take(read_running_s() + limit.seconds)
    except TimeoutError:
        raise TargetError(
            f"{script.text} ended no epoch within {limit}; --batches N ends it earlier; its output is in "
            f"{log}"
        ) from None
    except ProcessError as error:
        raise TargetError(f"{script.text}: {error}; its output is in {log}") from None
    if found.error:
        printed = _quote(log) if found.exit_code is not None else ""
        raise TargetError(f"{found.error}{printed}; its output is in {log}")
    log.unlink(missing_ok=True)
    return found


def pick_loader(text: str, loaders: Sequence[FoundLoader], pick: str | None) -> FoundLoader:
    """Return the DataLoader that is varied.

    Args:
        text: the script as it was given.
        loaders: its DataLoaders.
        pick: number from 1 or name of the one to vary; None for the one that most samples go through.

    Raises:
        TargetError: none has this number or name.
    """
    if pick is None:
        return max(loaders, key=lambda loader: loader.key.weigh(loader.weight))
    for number, loader in enumerate(loaders, 1):
        if pick in (str(number), loader.name):
            return loader
    listed = "; ".join(f"{number} {loader}" for number, loader in enumerate(loaders, 1))
    raise TargetError(f"--pick: {text} has no DataLoader {pick!r}; it has {listed}")


def _quote(log: Path) -> str:
    """Return the last line that a script has printed, in parentheses."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()[1:] if line.strip()]
    return f" ({lines[-1]})" if lines else ""
