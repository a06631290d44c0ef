"""Functions that are called in a new interpreter, and their answers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.process import search_path
from bench.process.fresh_interpreter import MARK, make_command, print_answer, read_answers


def print_origin(*words: str) -> None:
    """Print noise, and an answer with the folder that our packages came from and with the arguments."""
    print("noise", end="")
    print_answer({"root": str(search_path.OWN_FOLDER), "folder": str(Path.cwd()), "words": words})


def test_a_function_is_called_wherever_the_command_runs(tmp_path) -> None:
    """A user's bench.py in the current folder isn't imported."""
    for name in ("bench.py", "tests.py", "loaders.py"):
        (tmp_path / name).write_text("raise RuntimeError('the user's module')")
    command = make_command(print_origin, "a b", "--c")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    (answer,) = read_answers(done.stdout)
    assert answer == {
        "root": str(search_path.OWN_FOLDER), "folder": str(Path(tmp_path).resolve()), "words": ["a b", "--c"],
    }  # fmt: skip


def test_only_whole_answers_are_read() -> None:
    """A process may print other lines, and may end amid one."""
    whole = f"{MARK}{json.dumps({'a': 1})}"
    assert read_answers(f'noise\n{whole}\n\x1b[0m\n{whole}\n{MARK}{{"a"') == [{"a": 1}, {"a": 1}]
