"""A grid of sample pictures, drawn, shown and saved; and the errors."""

import os
import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.figure import Figure

from bench import pictures
from bench.pictures import choose, draw, save, show
from loaders.data.image_split import ImageSplit
from tests.loaders.data.idx_sets import write_set
from tests.paths import REAL, ROOT

PNG = b"\x89PNG"


@pytest.fixture
def source():
    """Twenty pictures, each with its own grey, labelled by the parity of its index."""
    images = torch.arange(20, dtype=torch.uint8)[:, None, None].expand(20, 28, 28) * 10
    return ImageSplit("idx-0123abcd", "0" * 64, images, torch.arange(20) % 2, ("even", "odd"))


@pytest.fixture
def command(monkeypatch):
    """Return a function that runs the command with arguments and returns its exit code."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["pictures", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            pictures.main()
        return left.value.code or 0

    return run


def test_each_picture_has_its_own_label(source):
    """Pixels and label text come from the same sample, in the order asked for."""
    indices = [7, 0, 12, 3, 5, 18, 1, 2, 9]
    figure = draw(source, indices)
    assert isinstance(figure, Figure)
    assert len(figure.axes) == len(indices)
    for axes, index in zip(figure.axes, indices, strict=True):
        [image] = axes.get_images()
        np.testing.assert_array_equal(image.get_array(), source.images[index].numpy())
        assert (image.norm.vmin, image.norm.vmax) == (0, 255)
        assert axes.get_title() == ("odd" if index % 2 else "even")


def test_title_says_which_data_it_is(source):
    """The title names the dataset."""
    assert draw(source, [1, 2]).get_suptitle() == "idx-0123abcd: 2 of 20 samples"


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (8, 1, 8), (9, 2, 8), (20, 3, 8)])
def test_grid(source, count, rows, columns):
    """Eight a row, and no empty row."""
    axes = draw(source, list(range(count))).axes
    assert axes[0].get_subplotspec().get_gridspec().get_geometry() == (rows, columns)


def test_choice_is_random_and_repeatable(source):
    """Given by the seed, none twice."""
    chosen = choose(source, 20, seed=1)
    assert sorted(chosen) == list(range(20))
    assert chosen == choose(source, 20, seed=1)
    assert chosen != choose(source, 20, seed=2)
    assert choose(source, 5, seed=1) == chosen[:5]


def test_more_than_there_are(source):
    """The error says how many there are."""
    with pytest.raises(
        pictures.PicturesError, match=r"--count 21 is more than the 20 samples of idx-0123abcd"
    ):
        choose(source, 21, seed=0)


def test_saved_picture_has_the_pixels(source, tmp_path):
    """The file is a picture in which the darkest and the lightest sample can be told apart."""
    path = save(draw(source, [0, 19]), tmp_path / "two.png")
    pixels = matplotlib.image.imread(path)[..., 0]
    half = pixels.shape[1] // 2
    middle = pixels.shape[0] * 2 // 3
    assert pixels[middle, half // 2] == pytest.approx(1)
    assert pixels[middle, half + half // 2] == pytest.approx(1 - 190 / 255, abs=0.05)


@pytest.mark.parametrize(
    ("name", "says"),
    [("x.abc", "Format 'abc' is not supported"), ("none/x.png", r"can't be written \(No such file")],
)
def test_file_that_cannot_be_saved(source, tmp_path, name, says):
    """An ending that nothing draws, a folder that isn't there."""
    with pytest.raises(pictures.PicturesError, match=rf"--out \S*{name}: {says}"):
        save(draw(source, [0]), tmp_path / name)


def test_no_display(source, monkeypatch):
    """One line instead of a window that never opens."""
    pyplot.switch_backend("agg")
    monkeypatch.setattr(pyplot, "show", lambda: pytest.fail("shown nowhere"))
    with pytest.raises(pictures.PicturesError, match="--show needs a display and there is none; --out FILE"):
        show(source, [0])
    pyplot.close("all")


def test_shown_in_a_window(source, monkeypatch):
    """With a display the figure that pyplot shows is the one with the pictures."""
    pyplot.switch_backend("agg")
    shown = []
    canvas = type(pyplot.figure().canvas)
    monkeypatch.setattr(canvas, "required_interactive_framework", "tk")
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(len(pyplot.gcf().axes)))
    assert len(show(source, [3, 4, 5]).axes) == 3
    assert shown == [3]
    pyplot.close("all")


def test_backend_that_cannot_run(source, monkeypatch):
    """A backend set by hand that needs what isn't there."""

    def figure(**_):
        raise ImportError("Cannot load backend 'qtagg'")

    monkeypatch.setattr(pyplot, "figure", figure)
    with pytest.raises(pictures.PicturesError, match="--show: Cannot load backend 'qtagg'"):
        show(source, [0])


def test_command_saves_pictures_png_by_default(command, tmp_path, monkeypatch, capsys):
    """In the current folder, and it says where."""
    monkeypatch.chdir(tmp_path)
    assert command("--dataset", "synthetic:50", "--count", 3) == 0
    assert (tmp_path / "pictures.png").read_bytes()[:4] == PNG
    assert capsys.readouterr().out == "pictures.png\n"


def test_command_saves_where_asked(command, tmp_path, capsys):
    """A name without an ending gets one, and the printed path is where the file is."""
    out = tmp_path / "some"
    given = (
        "--dataset",
        "synthetic:50",
        "--data-dir",
        tmp_path,
        "--count",
        3,
        "--split",
        "test",
        "--out",
        out,
    )
    assert command(*given) == 0
    assert capsys.readouterr().out == f"{out}.png\n"
    assert (tmp_path / "some.png").read_bytes()[:4] == PNG


def test_command_on_real_pictures(command, tmp_path):
    """The default finds them under --data-dir."""
    assert command("--data-dir", REAL, "--out", tmp_path / "real.png", "--count", 10) == 0
    assert (tmp_path / "real.png").read_bytes()[:4] == PNG


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--dataset", "mnist"], "dataset 'mnist' is unknown, expected auto"),
        (["--dataset", "synthetic:5", "--count", "6"], "--count 6 is more than the 5 samples"),
        (["--count", "0"], "0 is not in the range"),
        (["--split", "validation"], "'validation' is not one of 'train', 'test'"),
        (["--colour"], "No such option"),
        (["--dataset", "synthetic:5", "--count", "5", "--out", "x.abc"], "Format 'abc' is not supported"),
        (["--out", "."], "'.' is a directory"),
    ],
)
def test_bad_input_is_one_line(command, tmp_path, monkeypatch, capsys, arguments, says):
    """On standard error, with exit code 2, and no picture."""
    monkeypatch.chdir(tmp_path)
    assert command(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert says in captured.err
    assert list(tmp_path.glob("*.*")) == []


def test_another_dataset_beside(command, tmp_path, monkeypatch, capsys):
    """The one line says how to read it, and that option does."""
    write_set(tmp_path / "data" / "MNIST" / "raw")
    monkeypatch.chdir(tmp_path)
    assert command() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: data: found MNIST in data/MNIST/raw, expected Fashion-MNIST; --data-dir ")
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.png"))
    assert command("--data-dir", "data/MNIST", "--count", 5) == 0
    assert (tmp_path / "pictures.png").read_bytes()[:4] == PNG


def test_home_folder(command, tmp_path, monkeypatch):
    """`~` is the home folder in both paths."""
    write_set(tmp_path / "data" / "FashionMNIST" / "raw")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command("--data-dir", "~/data", "--out", "~/some.png", "--count", 5) == 0
    assert (tmp_path / "some.png").read_bytes()[:4] == PNG


def test_a_notebooks_backend_changes_nothing(tmp_path):
    """It exists only in a notebook, and matplotlib refuses it elsewhere as it is imported."""
    write_set(tmp_path / "data")
    done = subprocess.run(
        [sys.executable, "-m", "bench.pictures", "--data-dir", str(tmp_path / "data"), "--count", "2",
         "--out", str(tmp_path / "bücher.png")],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "MPLBACKEND": "module://no_such", "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith("b\\xfccher.png")
    assert (tmp_path / "bücher.png").read_bytes().startswith(PNG)
