"""One command with the others below it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench import loaderbench
from tests.paths import ROOT

# As pip writes it, and what was imported at its end.
SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from bench.loaderbench import main
try:
    main()
finally:
    print(sorted({{"torch", "pandas", "matplotlib"}} & set(sys.modules)))
"""


@pytest.fixture
def run(monkeypatch, capsys):
    """Run `loaderbench` with arguments: (exit code, output, errors)."""
    monkeypatch.setattr(loaderbench, "name_program", lambda: "loaderbench")

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            loaderbench.main(arguments)
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return call


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_help_lists_the_commands(run, arguments) -> None:
    """Without a command there is help, too."""
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: loaderbench ")
    shown = [line.split()[0] for line in out.partition("Commands:\n")[2].splitlines()]
    assert shown == [*loaderbench.COMMANDS]


@pytest.mark.parametrize("name", loaderbench.COMMANDS)
def test_each_command_has_its_own_help(run, name) -> None:
    """Under the name by which it was called."""
    code, out, err = run(name, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: loaderbench {name} ")


def test_a_command_has_its_own_errors(run) -> None:
    """The same line as without `loaderbench` before it."""
    assert run("sweep", "--num-workers", "four") == (
        2,
        "",
        "error: --num-workers: 'four' is not a whole number from 0 to 256 "
        "(several are separated by commas)\n",
    )  # fmt: skip


@pytest.mark.parametrize("word", ["--num-workers", "train.py:train_loader", "my.module:loader", "train.py"])
def test_a_sweep_without_its_name_is_told_of_it(run, word) -> None:
    """Options and targets stand after `sweep`."""
    code, out, err = run(word, "0")
    assert (code, out) == (2, "")
    assert err == f"error: {word} stands after a command: loaderbench sweep {word} measures loaders\n"


def test_a_typing_error_is_told(run) -> None:
    """With the command that was meant, or all of them."""
    assert run("swep")[2] == "error: 'swep' is no command of loaderbench; did you mean sweep?\n"
    commands = ", ".join(loaderbench.COMMANDS)
    assert run("xyz")[2] == f"error: 'xyz' is no command of loaderbench: they are {commands}\n"


@pytest.mark.parametrize("name", ["bench.py", "loaders.py"])
def test_the_script_runs_beside_files_of_these_names(tmp_path, name) -> None:
    """It imports what the command needs, and nothing for help."""
    project, scripts = tmp_path / "project", tmp_path / "bin"
    project.mkdir()
    scripts.mkdir()
    (project / name).write_text("raise RuntimeError('not this one')")
    (scripts / "loaderbench").write_text(SCRIPT.format(root=str(ROOT)))
    done = subprocess.run(
        [sys.executable, str(scripts / "loaderbench"), "--help"], cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: loaderbench ")
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_installed_script_is_this_command() -> None:
    """pyproject.toml names it."""
    assert 'loaderbench = "bench.loaderbench:main"' in (ROOT / "pyproject.toml").read_text()
