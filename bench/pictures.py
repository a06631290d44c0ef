"""Sample pictures in a grid, each with its label text. `python -m bench.pictures`"""

from __future__ import annotations

import math
from pathlib import Path

import click
import torch
from matplotlib.figure import Figure

from bench.cli.command_line import run_command
from bench.report.console import make_console, print_notices
from loaders.data.errors import DataError
from loaders.data.fashion_mnist import locate
from loaders.data.image_split import ImageSplit, SplitName

COLUMNS = 8
DPI = 120


class PicturesError(Exception):
    """Pictures that can't be drawn, shown or saved as asked for."""


def draw(source: ImageSplit, indices: list[int], figure: Figure | None = None) -> Figure:
    """Draw samples by their indices, row by row, each under its label text; the title says which data it is.

    figure: an empty one to draw on; a new one if None, which needs no display.
    """
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
    """Choose samples at random, none twice; raises PicturesError where there are fewer than `count`."""
    if count > len(source):
        raise PicturesError(f"--count {count} is more than the {len(source)} samples of {source.name}")
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(len(source), generator=generator)[:count].tolist()


def save(figure: Figure, out: Path) -> Path:
    """Save a figure in the format that its file name's ending says, `.png` if it has none; where it went."""
    out = out if out.suffix else out.with_name(f"{out.name}.png")
    try:
        figure.savefig(out, dpi=DPI)
    except OSError as error:
        raise PicturesError(f"--out {out}: can't be written ({error.strerror or error})") from error
    except ValueError as error:
        raise PicturesError(f"--out {out}: {error}") from error
    return out


def show(source: ImageSplit, indices: list[int]) -> Figure:
    """Show samples in a window until it is closed; raises PicturesError where there is no display."""
    # Imported here since it picks a backend, which only a window needs.
    from matplotlib import pyplot

    try:
        figure = pyplot.figure(layout="constrained")
    except ImportError as error:  # from a backend set by hand that can't run here
        raise PicturesError(f"--show: {error}") from error
    if type(figure.canvas).required_interactive_framework is None:
        raise PicturesError("--show needs a display and there is none; --out FILE saves the pictures")
    draw(source, indices, figure)
    pyplot.show()
    return figure


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--dataset", default="auto", metavar="NAME", help="auto, fashion-mnist, synthetic or synthetic:N."
)
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path("data"), help="Folder of the data.")
@click.option("--mirror", metavar="URL", help="Folder to download the four .gz files from.")
@click.option("--split", type=click.Choice(["train", "test"]), default="train", help="Which samples.")
@click.option("--count", type=click.IntRange(1, 400), default=32, help="How many pictures.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, help="Of the random choice.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Picture file; pictures.png without --show.",
)
@click.option("--show", "in_window", is_flag=True, help="Show them in a window.")
def command(
    dataset: str,
    data_dir: Path,
    mirror: str | None,
    split: SplitName,
    count: int,
    seed: int,
    out: Path | None,
    in_window: bool,
) -> None:
    """Draw a grid of sample pictures with their label texts, show it or save it."""
    notices: list[str] = []
    source = locate(dataset, data_dir, notify=notices.append, mirror=mirror).read(split)
    print_notices(make_console(), notices)
    indices = choose(source, count, seed)
    figure = show(source, indices) if in_window else draw(source, indices)
    if out is not None or not in_window:
        click.echo(save(figure, out or Path("pictures.png")))


def main() -> None:
    """Entry point of `python -m bench.pictures`."""
    run_command(command, user_errors=(DataError, PicturesError))


if __name__ == "__main__":
    main()
