"""The tunings of `python -m bench.validate --regret`, as `python -m bench.tune` takes them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import click

from bench.cli.resumed_command import TUNE_PROGRAMS
from bench.cli.tune_command import make_tune_command
from bench.plan.tune_options import TuneOptions
from bench.records.errors import ResultsError
from bench.records.results_folder import read_environment
from bench.validation.tuning.regret_measuring import NAME
from bench.validation.tuning.regret_options import MakeTuning, RegretOptions

# Fashion-MNIST's form, with so few samples that the whole grid takes minutes: 216 configurations.
GRID = (
    "--dataset", "synthetic:3000",
    "--family", "torch_dataloader,batched_dataloader,tensor_slice,memory_map",
    "--num-workers", "0,1,2,3,4,6,8",
    "--prefetch-factor", "1,2,4,8",
    "--persistent-workers", "off,on",
    "--multiprocessing-context", "fork",
    "--num-threads", "1,2",
)  # fmt: skip
BUDGET = "2m"
# Options of a tuning that the validation chooses itself, or that print or change a file.
OWN = ("--seed", "--out", "--name", "--exhaustive", "--apply", "--yes", "--json", "--quiet", "--config")


def make_regret_options(
    words: Sequence[str], budget: str, seeds: int, blocks: int, out: Path | None
) -> RegretOptions:
    """Return the order that measures regrets.

    Args:
        words: target and options of the tuning; none for those of GRID.
        budget: budget of a tuning, as on the command line.
        seeds: number of tunings.
        blocks: number of blocks of the whole grid.
        out: folder of the results; None for a new one below `results/`.

    Raises:
        click.ClickException: the tuning has no such option, or the validation chooses it.
    """
    # Words after another `--` are a script's.
    for word in itertools.takewhile(lambda one: one != "--", words):
        if word.partition("=")[0] in OWN:
            raise click.UsageError(f"{word.partition('=')[0]}: --regret chooses it for each tuning itself")
    tuned = ("--budget", budget, *(words or GRID))
    return RegretOptions(_make_tunings(tuned), tuned, seeds, blocks, out)


def _make_tunings(words: tuple[str, ...]) -> MakeTuning:
    """Return the function that makes the order of a tuning with a seed, as the words of a command say."""
    program = " ".join(TUNE_PROGRAMS[0])

    def make_tuning(seed: int, folder: Path) -> TuneOptions:
        given = ["--seed", str(seed), "--out", str(folder), *words]
        options = make_tune_command(_keep).main(args=given, prog_name=program, standalone_mode=False)
        if not isinstance(options, TuneOptions):
            raise click.UsageError(f"{' '.join(words)}: it prints and tunes nothing")
        return options

    return make_tuning


def resume_regret(folder: Path) -> RegretOptions:
    """Return the order whose results a folder holds in part.

    Args:
        folder: folder of the results.

    Raises:
        ResultsError: the folder holds no regrets.
        click.ClickException: the recorded tuning has options that this version doesn't know.
    """
    environment = read_environment(folder)
    settings = environment.get(NAME)
    if not isinstance(settings, dict) or not {"seeds", "blocks", "words"} <= settings.keys():
        raise ResultsError(f"{folder} holds no regrets that can go on: name a folder that --regret made")
    words, seeds, blocks = settings["words"], settings["seeds"], settings["blocks"]
    return RegretOptions(_make_tunings(tuple(words)), tuple(words), seeds, blocks, folder, is_resumed=True)


def _keep(options: TuneOptions) -> TuneOptions:
    return options
