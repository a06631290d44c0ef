"""Parts that end, fail, hang and are interrupted."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.cuda import run_part as module
from tests.cuda.outcomes import COLUMNS, OUTCOMES
from tests.cuda.part import Fate, Part, PartResult, Setting
from tests.cuda.run_part import OUTPUT, read_last_lines, run_part

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")

# It ignores Ctrl-C, as its children do, and one child leads a session of its own.
HANG = """
trap '' INT
sleep 600 & echo $! > "$PLACE/child"
setsid sleep 600 & echo $! > "$PLACE/other"
echo begun
wait
"""


@pytest.fixture(autouse=True)
def _impatience(monkeypatch) -> None:
    """Leave processes that outlive a part little time."""
    monkeypatch.setattr(module, "LEFTOVER_S", 0.2)


def run(script: str, place: Path, *, bound_s: float = 60.0, **more) -> PartResult:
    """Run a shell script as a part."""
    part = Part("part", "a script", bound_s, lambda setting: ["sh", "-c", script], **more)
    return run_part(part, Setting(place / "part", bound_s), {**os.environ, "PLACE": str(place)})


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.mark.parametrize(
    ("script", "fate", "detail"),
    [
        ("echo one; echo two; echo", Fate.PASSED, "two"),
        ("true", Fate.PASSED, ""),
        ("echo no >&2; exit 3", Fate.FAILED, "no; ended with exit code 3"),
        ("kill -KILL $$", Fate.FAILED, "was killed by SIGKILL"),
    ],
)
def test_a_part_passes_by_its_exit_code(tmp_path, script, fate, detail) -> None:
    """The last line that it printed says more. Its output is kept."""
    result = run(script, tmp_path)
    assert (result.fate, result.detail) == (fate, detail)
    assert result.seconds < result.bound_s == 60
    assert result.command == ("sh", "-c", script)
    assert (tmp_path / "part" / OUTPUT).is_file()


@pytest.mark.parametrize(
    ("outcomes", "code", "fate", "detail"),
    [
        ("passed passed skipped", 0, Fate.PASSED, "2 passed, 1 skipped"),
        ("skipped skipped", 0, Fate.SKIPPED, "2 skipped"),
        ("passed failed error", 1, Fate.FAILED, "1 failed, 1 error, 1 passed"),
        ("", 5, Fate.FAILED, "no test ran; ended with exit code 5"),
    ],
)
def test_tests_that_are_all_skipped_did_not_pass(tmp_path, outcomes, code, fate, detail) -> None:
    """A part of tests is told by their number."""
    lines = [",".join(COLUMNS), *(f"t{place},{name},0," for place, name in enumerate(outcomes.split()))]
    write = "\n".join(f"echo {line} >> $PLACE/part/{OUTCOMES}" for line in lines)
    result = run(f"{write}\nexit {code}", tmp_path)
    assert (result.fate, result.detail) == (fate, detail)


def test_a_part_that_hangs_is_killed_with_its_children(tmp_path) -> None:
    """They are gone, whatever session they are in. What it printed stays."""
    result = run(HANG, tmp_path, bound_s=1.0)
    assert (result.fate, result.detail) == (Fate.OUT_OF_TIME, "begun")
    pids = [int((tmp_path / name).read_text()) for name in ("child", "other")]
    assert not any(map(is_running, pids))


def test_a_part_may_end_by_itself_when_its_time_is_nearly_up(tmp_path) -> None:
    """It is interrupted as by Ctrl-C, and can print what it has so far. That is no success."""
    result = run("trap 'echo half; exit 0' INT; echo all; sleep 600 & wait", tmp_path, bound_s=2.0)
    assert (result.fate, result.detail) == (Fate.OUT_OF_TIME, "half")
    assert result.seconds < 60


def test_a_hanging_python_says_where(tmp_path) -> None:
    """Its stack is in the output."""
    code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
    script = f"exec {sys.executable} -X faulthandler -c '{code}'"
    assert run(script, tmp_path, bound_s=2.0).fate is Fate.OUT_OF_TIME
    assert "Current thread" in (tmp_path / "part" / OUTPUT).read_text()


def test_a_process_that_outlives_its_part_is_told(tmp_path) -> None:
    """It is ended too."""
    result = run('setsid sleep 600 & echo $! > "$PLACE/other"; echo done', tmp_path)
    assert (result.fate, result.detail) == (Fate.PASSED, "done; left 1 process running")
    assert not is_running(int((tmp_path / "other").read_text()))


def test_an_interrupt_ends_the_part(tmp_path, monkeypatch) -> None:
    """Ctrl-C of the user leaves nothing running."""

    def interrupt(process, started_s: float, bound_s: float) -> bool:
        while not (tmp_path / "other").exists() or not (tmp_path / "other").read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_wait", interrupt)
    assert run(HANG, tmp_path).fate is Fate.INTERRUPTED
    assert not is_running(int((tmp_path / "other").read_text()))


def test_other_children_of_this_process_live_on(tmp_path) -> None:
    """Also where they lead sessions of their own."""
    with psutil.Popen(["sleep", "600"], start_new_session=True) as other:
        run("true", tmp_path)
        assert is_running(other.pid)
        other.kill()


def test_figures_come_from_the_folder(tmp_path) -> None:
    """They are read when the part has ended."""
    result = run(
        f"echo 7 > {tmp_path}/part/file",
        tmp_path,
        read_figures=lambda folder: [(folder / "file").read_text()],
    )
    assert result.figures == ("7\n",)


def test_figures_that_cannot_be_read_cost_nothing_else(tmp_path) -> None:
    """The part passed all the same."""
    result = run("true", tmp_path, read_figures=lambda folder: [(folder / "file").read_text()])
    assert result.fate is Fate.PASSED
    assert result.figures[0].startswith("no figures: FileNotFoundError: ")


def test_only_the_last_lines_are_read(tmp_path) -> None:
    """A long output is read from its end."""
    (tmp_path / OUTPUT).write_text("x" * 2**17 + "\n" + "\n".join(map(str, range(9))) + "\n\n")
    assert read_last_lines(tmp_path, 3) == ["6", "7", "8"]
