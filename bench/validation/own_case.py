"""OwnCase: a user's own loader or script with planned costs or faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from bench.plan.configuration import Configuration
from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.plan.sweep_options import SweepOptions
from bench.trial.trial import Trial
from bench.validation import targets
from bench.validation.validation_case import ValidationCase
from bench.workloads.choice import choose_workload
from bench.workloads.inspection.target_inspection import MODULES
from bench.workloads.script.script import Script
from bench.workloads.script.script_file import SCRIPT_STEP, is_script
from bench.workloads.script.script_inspection import ScriptLook
from loaders.spec.knobs import Value
from loaders.spec.own_loader_spec import PARAM

FOLDER = Path(targets.__file__).parent
# Modules that the trials need. They are imported before the target's, which may take their names.
OWN_MODULES = (*MODULES, Script.__module__, ScriptLook.__module__)
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class OwnCase(ValidationCase):
    """A user's own loader or script with planned costs, or one that cheats.

    Attributes:
        target: the target, a file in FOLDER and a name in it; or a script in FOLDER.
        params: arguments of the target's function, or of the script.
        knobs: knobs that a sweep sets.
        step: the step, a length or a target; ignored for a script.
    """

    target: str
    _: KW_ONLY
    epochs: int = 3
    params: Mapping[str, Value] = field(default_factory=dict)
    knobs: Mapping[str, Value] = field(default_factory=dict)
    step: str = "none"

    def options(self) -> SweepOptions:
        """Return the options of a sweep of the target."""
        text = str(FOLDER / self.target)
        of_script = is_script(text)
        arguments = [word for name, value in self.params.items() for word in (f"--{name}", str(value))]
        params = {} if of_script else {f"{PARAM}{name}": (value,) for name, value in self.params.items()}
        return SweepOptions(
            request=Request(knobs=params, step=(self._name_step(),)),
            schedule=Schedule(blocks=1, epochs=self.epochs, seed=0),
            timeout_s=TIMEOUT_S,
            name="validation",
            target=text,
            script_args=tuple(arguments) if of_script else (),
        )

    def trial(self) -> Trial:
        """Inspect the target in a process of its own, as a sweep does, and return the trial.

        Raises:
            TargetError: the target can't be measured.
        """
        choice = choose_workload(self.options())
        offer = choice.offer
        spec = offer.specs[offer.baseline].with_knobs(self.knobs).resolve()
        return Trial(
            configuration=Configuration(spec, self.device, self._name_step(), None, num_threads=1),
            number=0,
            baseline=0,
            block=0,
            position=0,
            workload=choice.find(_ignore, _ignore),
            epochs=self.epochs,
            seed=0,
        )

    def _name_step(self) -> str:
        """Return the step, as the column `step` holds it."""
        if is_script(self.target):
            return SCRIPT_STEP
        return str(FOLDER / self.step) if ":" in self.step else self.step


def _ignore(*_: object) -> None:
    """Show no notice: a case's target is known."""
