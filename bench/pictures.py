"""Sample pictures in a grid, each with its label text. `python -m bench.pictures`"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch

from bench.cli.command_line import run_command
from bench.cli.user_path import UserPath
from bench.report.charts.settings import use_own_settings
from bench.report.console import make_console
from bench.report.notices import Notices
from loaders.data.dataset_choice import locate
from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit, SplitName

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8
DPI = 120
DEFAULT_OUT = Path("pictures.png")


class PicturesError(Exception):
    """Failure to draw, show or save pictures."""


@dataclass(frozen=True)
class PicturesOptions:
    """Options of the command.

    Attributes:
        dataset: name of the dataset, as `locate` takes it.
        data_dir: folder of the data.
        mirror: URL to download from; None for torchvision's mirrors.
        split: split of the samples.
        count: number of pictures.
        seed: seed of the random choice.
        out: picture file; None for DEFAULT_OUT, or for none where the pictures are shown.
        show: whether to show the pictures in a window.
    """

    dataset: str
    data_dir: Path
    mirror: str | None
    split: SplitName
    count: int
    seed: int
    out: Path | None
    show: bool


def draw(source: ImageSplit, indices: list[int], figure: Figure | None = None) -> Figure:
    """Draw samples row by row, each under the name of its class. The title names the data.

    Args:
        source: split that holds the samples.
        indices: indices of the samples.
        figure: empty figure to draw on; None for a new one, which needs no display.
    """
    # matplotlib reads its settings when it is imported; those of the charts may be in force by now.
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(indices))
    rows = math.ceil(len(indices) / columns)
    figure = Figure(layout="constrained") if figure is None else figure
    figure.set_size_inches(max(4, 1.2 * columns), 1.4 * rows + 0.5)
    figure.suptitle(f"{source.name}: {len(indices)} of {len(source):,} samples")
    for position, index in enumerate(indices, start=1):
        axes = figure.add_subplot(rows, columns, position)
        axes.imshow(source.images[index].numpy(), cmap="gray_r", vmin=0, vmax=255)
        axes.set_title(source.classes[int(source.labels[index])], fontsize=9)
        axes.set_axis_off()
    return figure


def choose(source: ImageSplit, count: int, seed: int) -> list[int]:
    """Return the indices of `count` random samples, none twice. Raises PicturesError for too few samples."""
    if count > len(source):
        raise PicturesError(f"--count {count} is more than the {len(source)} samples of {source.name}")
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(len(source), generator=generator)[:count].tolist()


def save(figure: Figure, out: Path) -> Path:
    """Save a figure and return its path.

    Args:
        figure: figure to save.
        out: path whose ending names the format; `.png` is added to a path without an ending.

    Raises:
        PicturesError: the file can't be written, or the format is unknown.
    """
    out = out if out.suffix else out.with_name(f"{out.name}.png")
    try:
        figure.savefig(out, dpi=DPI)
    except OSError as error:
        raise PicturesError(f"--out {out}: can't be written ({error.strerror or error})") from error
    except ValueError as error:
        raise PicturesError(f"--out {out}: {error}") from error
    return out


def show(source: ImageSplit, indices: list[int]) -> Figure:
    """Show samples in a window until it is closed. Raises PicturesError where there is no display."""
    try:
        # The import picks a backend, which only a window needs.
        from matplotlib import pyplot

        figure = pyplot.figure(layout="constrained")
    except (ImportError, ValueError) as error:  # from a backend set by hand that can't run here
        raise PicturesError(f"--show: {error}") from error
    if type(figure.canvas).required_interactive_framework is None:
        raise PicturesError("--show needs a display and there is none; --out FILE saves the pictures")
    draw(source, indices, figure)
    pyplot.show()
    return figure


def run_pictures(options: PicturesOptions) -> None:
    """Draw samples at random, show or save them, and print the path of the saved file."""
    notices = Notices(make_console())
    dataset = locate(options.dataset, options.data_dir, notify=notices.add, mirror=options.mirror)
    source = dataset.read(options.split)
    indices = choose(source, options.count, options.seed)
    if options.show:
        show(source, indices)
    if options.out is not None or not options.show:
        with use_own_settings():
            path = save(draw(source, indices), options.out or DEFAULT_OUT)
        click.echo(path, file=sys.stdout)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--dataset", default="auto", metavar="NAME", help="auto, fashion-mnist, synthetic or synthetic:N."
)
@click.option("--data-dir", type=UserPath(), default="data", help="Folder of the data.")
@click.option("--mirror", metavar="URL", help="Folder to download the four .gz files from.")
@click.option("--split", type=click.Choice(["train", "test"]), default="train", help="Which samples.")
@click.option("--count", type=click.IntRange(1, 400), default=32, help="How many pictures.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, help="Of the random choice.")
@click.option("--out", type=UserPath(dir_okay=False), help="Picture file; pictures.png without --show.")
@click.option("--show", is_flag=True, help="Show them in a window.")
def command(**options: Any) -> None:
    """Draw a grid of sample pictures with their label texts, show it or save it."""
    run_pictures(PicturesOptions(**options))


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.pictures`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    run_command(command, user_errors=(DataError, PicturesError), arguments=arguments, program=program)


if __name__ == "__main__":
    main()
