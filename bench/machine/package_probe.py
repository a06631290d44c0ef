"""Package probe: another process that checks torch, torchvision and the GPU, for they may end it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from bench.machine.check import Check
from bench.machine.package_checks import REINSTALL, check_packages
from bench.process.fresh_interpreter import make_command, print_answer, read_answers
from bench.process.timed_command import run_timed
from bench.text import printable

# Importing torch from a slow disk takes long.
DEADLINE_S = 120.0
PACKAGES = ("torch", "torchvision", "gpu")


def probe_packages() -> Iterator[Check]:
    """Check the packages in another process, and yield a check for each.

    If the process ends or hangs, the check that it was making fails and the later ones are unknown.
    """
    done = run_timed(make_command(print_checks), deadline_s=DEADLINE_S)
    checks = [Check(**answer) for answer in read_answers(done.output)]
    yield from checks
    for number, name in enumerate(PACKAGES[len(checks) :]):
        if number == 0:
            cure = "see whether nvidia-smi works, and what it says" if name == "gpu" else REINSTALL
            yield Check(name, "fail", printable(f"the process that tried it {done.ending}"), cure)
        else:
            yield Check(name, "unknown", f"not looked at, since {PACKAGES[len(checks)]} fails", None)


def print_checks() -> None:
    """Check the packages in this process, and print each check for `probe_packages` as soon as it is made."""
    for check in check_packages(try_gpu=True):
        print_answer(asdict(check))
