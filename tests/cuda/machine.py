"""The machine that the parts are run on: its GPU, and the versions that decide what runs there."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

from bench.machine.cpu_checks import count_usable_cores
from bench.process.timed_command import run_timed
from tests.paths import ROOT

LOOK_S = 90.0
LOOK = """
import json, platform, torch
facts = {"gpu": None, "torch": torch.__version__, "cuda": torch.version.cuda}
facts["python"] = platform.python_version()
if torch.cuda.is_available():
    facts["gpu"] = torch.cuda.get_device_name()
print(json.dumps(facts))
"""


class MachineError(RuntimeError):
    """torch doesn't run here, in one line."""


def make_environment(*, rehearsal: bool) -> dict[str, str]:
    """Return the variables of the parts' processes.

    Args:
        rehearsal: whether the parts are rehearsed, and so see no GPU.
    """
    # The packages need not be installed.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
    }
    if rehearsal:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment


def look_at_machine(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the name of the GPU, None for none, versions, and the cores, all and those that may be used.

    A process of its own finds out what needs torch.

    Args:
        environment: variables of that process.

    Raises:
        MachineError: torch doesn't run here.
    """
    found = run_timed([sys.executable, "-c", LOOK], deadline_s=LOOK_S, environment=environment)
    if found.exit_code != 0:
        raise MachineError(f"{sys.executable} can't use torch: it {found.ending}")
    facts: dict[str, object] = json.loads(found.output.splitlines()[-1])
    # A container, or whoever started this, may leave fewer cores than the machine has.
    return {**facts, "cores": os.cpu_count(), "cores_usable": count_usable_cores()}
