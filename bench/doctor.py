"""Checks the machine before anything is measured, and says what to do. `python -m bench.doctor`

It leaves with exit code 1 where a check fails; a warning is none.
"""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TextIO, cast

import click
from rich.console import Console
from rich.text import Text

from bench.cli.command_line import FAILED, complain, run_command
from bench.machine.check import SEVERITIES, Check
from bench.machine.checks import check_machine
from bench.machine.package_checks import REINSTALL, package_checks
from bench.machine.requirements import estimate_requirements
from bench.report.output import SteadyOutput
from bench.text import printable

STYLES = {"ok": "green", "unknown": "dim", "warn": "bold yellow", "fail": "bold red"}
VERDICT_WIDTH, NAME_WIDTH = 8, 15
FEWEST_COLUMNS = 30
# Importing torch from a slow disk takes its time.
DEADLINE_S = 120.0
# What a library prints when it is imported is none of ours.
MARK = "loaderbench-check "
PACKAGES = ("torch", "torchvision", "gpu")


def doctor(
    *,
    num_workers: int,
    batch_size: int,
    prefetch_factor: int,
    resize: int | None,
    data_dir: Path,
    out: Path,
    as_json: bool,
) -> int:
    """Make all checks and print them; the exit code, 1 where one fails."""
    needs = estimate_requirements(
        num_workers=num_workers,
        batch_size=batch_size,
        prefetch_factor=prefetch_factor,
        side=resize or 28,
    )
    made = (
        check
        for part in (check_machine(needs, data_dir=data_dir, out=out), package_checks_apart())
        for check in part
    )
    # Whoever reads the output may stop to; a path may have letters that it can't show.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    output = SteadyOutput(sys.stdout)
    stream = cast(TextIO, output)
    if as_json:
        found = list(made)
        report = {"checks": [asdict(check) for check in found], "verdict": worst(found)}
        print(json.dumps(report, indent=2), file=stream)
    else:
        console = Console(highlight=False, file=stream)
        _print_line(
            console,
            f"For {num_workers} workers, batches of {batch_size} and a prefetch factor of {prefetch_factor}:"
            if num_workers
            else f"Without workers, for batches of {batch_size}:",
        )
        found = []
        for check in made:
            print_check(console, check)
            found.append(check)
        _print_line(console, conclusion(found))
    if output.lost is not None:
        complain(f"the output can't be written: {output.lost.strerror}")
        return FAILED
    return FAILED if worst(found) == "fail" else 0


def worst(found: Iterable[Check]) -> str:
    """The worst verdict of all."""
    return max((check.verdict for check in found), key=SEVERITIES.index, default="ok")


def conclusion(found: Iterable[Check]) -> str:
    """How many checks fail and warn, in one line."""
    verdicts = [check.verdict for check in found]
    failed, warned = verdicts.count("fail"), verdicts.count("warn")
    counted = f"{failed} failed, {warned} warning{'s' * (warned != 1)}, {len(verdicts)} in all."
    return counted if failed else f"{counted} Nothing stands in the way of measuring."


def print_check(console: Console, check: Check) -> None:
    """A check in one line, its cure in another; on a terminal broken where they are too long for it."""
    head = Text(f"{check.verdict:<{VERDICT_WIDTH}}", style=STYLES[check.verdict])
    head.append(f"{check.name:<{NAME_WIDTH}}", style="default not dim not bold")
    indent = " " * len(head)
    lines = [*_broken(console, check.found, len(indent))]
    if check.cure is not None:
        first, *others = _broken(console, check.cure, len(indent) + 4)
        lines += [f"-> {first}", *(f"   {line}" for line in others)]
    for number, line in enumerate(lines):
        # Not as markup: it holds names and errors from outside.
        text = head.append(line, style="default not dim not bold") if number == 0 else Text(indent + line)
        console.print(text, soft_wrap=True)


def _broken(console: Console, text: str, indent: int) -> list[str]:
    # In a pipe a line stays whole, for whatever looks through it.
    if not console.is_terminal:
        return [text]
    return textwrap.wrap(text, max(FEWEST_COLUMNS, console.width - indent), break_on_hyphens=False) or [""]


def _print_line(console: Console, text: str) -> None:
    for line in _broken(console, text, 0):
        console.print(Text(line), soft_wrap=True)


def package_checks_apart() -> Iterator[Check]:
    """The checks of torch, torchvision and the GPU, in a process of their own: they may end it."""
    # Where this module can be found, should the working folder not be looked through.
    code = (
        f"import sys; sys.path.append({str(Path(__file__).parent.parent)!r}); "
        "from bench.doctor import tell_package_checks; tell_package_checks()"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=DEADLINE_S,
            check=False,
        )
        output, problem = done.stdout, _ending(done)
    except subprocess.TimeoutExpired as error:
        # It is bytes here, whatever was asked for.
        output = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else ""
        problem = f"takes more than {DEADLINE_S:g} s"
    except OSError as error:
        output, problem = "", f"can't be looked at: {error.strerror}"
    told = [line.partition(MARK)[2] for line in output.splitlines() if MARK in line]
    found = [Check(**json.loads(line)) for line in told]
    yield from found
    for number, name in enumerate(PACKAGES[len(found) :]):
        if number == 0:
            cure = "see whether nvidia-smi works, and what it says" if name == "gpu" else REINSTALL
            yield Check(name, "fail", problem, cure)
        else:
            yield Check(name, "unknown", f"not looked at, since {PACKAGES[len(found)]} fails", None)


def tell_package_checks() -> None:
    """Print the checks of the packages, one a line as soon as it's made: what the other process does."""
    for check in package_checks(try_gpu=True):
        # On a line of its own, whatever a library has printed before.
        print(f"\n{MARK}{json.dumps(asdict(check))}", flush=True)  # noqa: T201


def _ending(done: subprocess.CompletedProcess[str]) -> str:
    """How a process ended that told less than it should, and what it said last."""
    ending = f"exit code {done.returncode}"
    if done.returncode < 0:
        known = {number.value: number.name for number in signal.Signals}
        ending = f"killed by {known.get(-done.returncode, f'signal {-done.returncode}')}"
    last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "")
    return printable(f"the process that tried it ended: {ending}{f' ({last.strip()[:200]})' * bool(last)}")


def main() -> None:
    """Entry point of `python -m bench.doctor`."""
    run_command(_command(), user_errors=())


def _command() -> click.Command:
    folder = click.Path(path_type=Path)
    return click.Command(
        "doctor",
        callback=doctor,
        params=[
            click.Option(
                ["--num-workers"],
                type=click.IntRange(0, 256),
                default=4,
                help="Worker processes that are to be measured.",
            ),
            click.Option(
                ["--batch-size"], type=click.IntRange(1, 100_000), default=256, help="Samples in a batch."
            ),
            click.Option(
                ["--prefetch-factor"],
                type=click.IntRange(1, 1024),
                default=2,
                help="Batches that each worker loads ahead.",
            ),
            click.Option(
                ["--resize"],
                type=click.IntRange(1, 1024),
                metavar="SIDE",
                help="Side in pixels that every picture is resized to. Default: 28, as it is.",
            ),
            click.Option(["--data-dir"], type=folder, default=Path("data"), help="Folder of the data."),
            click.Option(["--out"], type=folder, default=Path("results"), help="Folder of the results."),
            click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object."),
        ],
        help=(
            "Check the machine before anything is measured: cores, load, memory, /dev/shm, limits, folders, "
            "compiler, torch, torchvision and CUDA, held against what a DataLoader with these settings "
            "needs. Exit code 1 where a check fails; warnings don't count."
        ),
        context_settings={
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
            "show_default": True,
        },
    )


if __name__ == "__main__":
    main()
