"""Checks the machine before anything is measured, and says what to do. `python -m bench.doctor`

It imports no torch, for torch may be what is broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from bench.cli.command_line import FAILED, run_command
from bench.cli.doctor_command import make_doctor_command
from bench.machine.checks import check_machine
from bench.machine.package_probe import probe_packages
from bench.machine.requirements import LoaderSettings, estimate_requirements
from bench.report.console import make_console
from bench.report.doctor_report import find_worst, format_json, print_checks
from bench.report.output import complain


def doctor(settings: LoaderSettings, *, data_dir: Path, out: Path, as_json: bool) -> int:
    """Make all checks, print them, and return the exit code: 1 if one fails. Warnings don't count.

    Args:
        settings: settings of the loader that is to be measured.
        data_dir: folder of the data.
        out: folder of the results.
        as_json: print one JSON object.
    """
    needs = estimate_requirements(settings)
    checks = chain(check_machine(needs, data_dir=data_dir, out=out), probe_packages())
    console = make_console()
    if as_json:
        made = list(checks)
        print(format_json(made), file=console.file)
    else:
        made = print_checks(console, settings, checks)
    lost = getattr(console.file, "lost", None)
    if lost is not None:
        complain(f"the output can't be written: {lost.strerror}")
    return FAILED if lost is not None or find_worst(made) == "fail" else 0


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.doctor`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    run_command(make_doctor_command(doctor), user_errors=(), arguments=arguments, program=program)


if __name__ == "__main__":
    main()
