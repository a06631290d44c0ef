"""The command that compares two results folders, and `Compare` in Python."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from bench import Compare
from bench.compare import main
from tests.bench.runs import blocks, failed
from tests.bench.sides import WALLS, cut, scaled, side
from tests.paths import ROOT

WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ImportError("comparing must not need " + name)
sys.meta_path.insert(0, NoTorch())
from bench.compare import main
main([{a!r}, {b!r}, "--out", {out!r}])
"""


@pytest.fixture
def compare(monkeypatch, capsys):
    """Run the command in this process: (exit code, output, errors)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["compare", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """Make results folders by their name."""
    folder = tmp_path_factory.mktemp("sides")
    everything = [replace(row, epoch=epoch) for row in blocks(0, WALLS) for epoch in (0, 1)]
    return {
        "old": side(folder / "old", blocks(0, WALLS)),
        "same": side(folder / "same", blocks(0, WALLS[::-1])),
        "slower": side(folder / "slower", blocks(0, scaled(1 / 0.9))),
        "three rows": cut(side(folder / "three", everything), 3),
        "other data": side(folder / "data", blocks(0, WALLS, dataset="fashion-mnist")),
        "failed": side(folder / "failed", [failed(0, block) for block in range(3)]),
    }


@pytest.mark.parametrize(
    ("new", "code"),
    [("old", 0), ("same", 0), ("slower", 1), ("three rows", 3), ("other data", 4), ("failed", 4)],
)
def test_the_exit_code_is_the_judgement(compare, sides, new, code) -> None:
    """0 nothing is slower, 1 slower, 3 undecided, 4 not comparable or nothing measured."""
    left, out, errors = compare(sides["old"], sides[new])
    assert (left, errors) == (code, "")
    assert out.splitlines()[0] == f"A  {sides['old']}"


def test_a_wider_margin_forgives(compare, sides) -> None:
    """A tenth is the same within 20%."""
    assert compare(sides["old"], sides["slower"], "--margin", "20%")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["{old}"], "give a second folder to compare it with"),
        (["{old}", "nowhere", "--out", "{out}"], "nowhere/runs.csv can't be read"),
        (["{old}", "{same}", "--margin", "3"], "--margin: '3' is not a percentage"),
        (["{old}", "{same}", "--json", "--format", "md"], "--json: --format md is another format"),
        (["{old}", "{same}", "--out", "{old}"], "is not empty"),
        (["{old}", "{same}", "{same}"], "unexpected extra argument"),
    ],
)
def test_bad_input_is_one_line(compare, sides, arguments, error) -> None:
    """Exit 2, and nothing is printed."""
    new = sides["old"].parent / "out"
    code, out, errors = compare(*(word.format(**sides, out=new) for word in arguments))
    assert (code, out) == (2, "")
    assert errors.count("\n") == 1
    assert error in errors
    assert not new.exists()


def test_one_folder_with_both_commits_is_compared(compare, sides, tmp_path) -> None:
    """A comparison of two commits leaves a folder with `old` and `new`."""
    for name, source in (("old", "old"), ("new", "slower")):
        (tmp_path / name).symlink_to(sides[source])
    assert compare(tmp_path)[0] == 1


def test_json_is_all_that_is_printed(compare, sides) -> None:
    """A program can read standard output."""
    for flag in (["--json"], ["--format", "json"]):
        code, out, _ = compare(sides["old"], sides["slower"], *flag)
        assert json.loads(out)["exit_code"] == code == 1


def test_markdown_is_all_that_is_printed(compare, sides) -> None:
    """It can be appended to the summary of a job."""
    _, out, _ = compare(sides["old"], sides["slower"], "--format", "md")
    assert out.startswith("### 🔴 Loaders: ")


def test_comparing_needs_no_torch(sides, tmp_path) -> None:
    """Folders can be compared on a machine that trains nothing."""
    out = tmp_path / "out"
    code = WITHOUT_TORCH.format(a=str(sides["old"]), b=str(sides["slower"]), out=str(out))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert (out / "report.html").exists()


def test_python_compares_as_the_command_does(sides, tmp_path) -> None:
    """With the options by their names, and errors as exceptions."""
    results = Compare(sides["old"], sides["slower"], margin=0.05, out=tmp_path / "out").run()
    assert results.exit_code == 1
    assert results.comparison.options.margin == 0.05
    assert (tmp_path / "out" / "comparison.json").exists()
    with pytest.raises(TypeError, match=r"marginn: no option of a comparison .*did you mean margin"):
        Compare(sides["old"], sides["slower"], marginn=0.05)
    with pytest.raises(ValueError, match="not a percentage"):
        Compare(sides["old"], sides["slower"], margin="3")
