"""The first lines of a sweep: automatic choices, how much there is to measure, and concerns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rich.console import Console
from rich.markup import escape

from bench.machine.check import Check
from bench.plan.prepared_sweep import PreparedSweep
from bench.report.console import print_line
from bench.report.gpu_name import find_gpu_name
from bench.text import format_bytes, format_count, format_duration, join_words
from bench.workloads.script.script_file import SCRIPT_STEP
from loaders.families.dataloader import OwnDataLoader


def print_start(console: Console, sweep: PreparedSweep, samples: int, dataset: str | None = None) -> None:
    """Print what was chosen automatically, how much there is to measure and about how long that takes.

    Args:
        console: console to print to.
        sweep: sweep that is about to run.
        samples: size of the data.
        dataset: name of the data; None while they are not known.
    """
    schedule, options = sweep.options.schedule, sweep.options
    if choices := describe_choices(sweep, dataset):
        print_line(console, f"Chosen: {escape(', '.join(choices))}")
    needed_s = schedule.blocks * sum(sweep.estimate_runs_s(samples))
    configurations = sum(run.bounds is None for run in sweep.runs)
    on_cpu = any(run.configuration.device == "cpu" for run in sweep.runs)
    where = " on two cores" if on_cpu else ""
    more = f", then more of the fastest until ±{100 * schedule.precision:.3g}%" if schedule.precision else ""
    bound = "" if options.budget_s is None else f", {format_duration(options.budget_s)} at most"
    if sweep.plan.importance and options.budget_s is not None and needed_s > options.budget_s:
        bound += ", with fewer configurations where that is too short for all"
    named = f" ({escape(dataset)})" if dataset else ""
    print_line(
        console,
        f"{format_count(configurations, 'configuration')} × {format_count(schedule.blocks, 'block')} × "
        f"{format_count(schedule.epochs, 'epoch')} of {format_count(samples, 'sample')}"
        f"{named}: about {format_duration(needed_s)}{where}{more}{bound}",
    )
    for change in describe_baselines(sweep):
        print_line(console, f"Your own settings are not measured: the baseline has {escape(change)}")
    if sweep.captured_bytes is not None:
        bounded = "loop" if SCRIPT_STEP in options.request.step else "step alone"
        print_line(
            console,
            f"The ceiling is your {bounded} on batches that are in memory already, "
            f"{format_bytes(sweep.captured_bytes)} of them at most",
        )


def describe_baselines(sweep: PreparedSweep) -> list[str]:
    """Return how baselines differ from the user's own DataLoader, such as `num_workers=0`.

    Args:
        sweep: sweep that is about to run.
    """
    specs = [sweep.plan.configurations[number].spec for number in dict.fromkeys(sweep.plan.baselines)]
    own = [spec for spec in specs if isinstance(spec, OwnDataLoader)]
    changes = [", ".join(replace(spec, params=()).describe_changes()) for spec in own]
    return list(dict.fromkeys(change for change in changes if change))


def describe_choices(sweep: PreparedSweep, dataset: str | None) -> list[str]:
    """Return the choices that were left to the sweep, such as `device=cpu`.

    Args:
        sweep: sweep that is about to run.
        dataset: name of the data; None while they are not known.
    """
    options, request = sweep.options, sweep.options.request
    configurations = sweep.plan.configurations
    found = []
    if "auto" in request.device:
        devices = dict.fromkeys(configuration.device for configuration in configurations)
        # The GPU was looked at when the data became known.
        gpu = find_gpu_name(sweep.folder) if dataset is not None and sweep.machine.cuda else ""
        remark = " (no GPU)" if not sweep.machine.cuda else f" ({gpu})" if gpu else ""
        found.append(f"device={join_words(list(devices))}{remark}")
    if options.target is None and options.dataset == "auto" and dataset is not None:
        found.append(f"dataset={dataset}")
    if request.preset is None and request.effective_preset is not None:
        found.append(f"preset={request.effective_preset}")
    if None in request.num_threads:
        threads = sorted({configuration.num_threads for configuration in configurations})
        found.append(f"num_threads={join_words([str(number) for number in threads])}")
    if options.schedule.steady_s:
        found.append(f"epochs={options.schedule.epochs} or more")
    return found


def print_concerns(console: Console, checks: Iterable[Check]) -> None:
    """Print the checks of this machine that ask for something to be done, and the cure."""
    for check in checks:
        style = "bold red" if check.severity == "fail" else "bold yellow"
        cure = f" → {check.cure}" if check.cure else ""
        print_line(console, f"[{style}]{check.severity}[/] {check.name}: {escape(check.found)}{escape(cure)}")
