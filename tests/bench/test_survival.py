"""Tests of interrupted sweeps: measured rows stay, the sweep can go on, and no process is left behind."""

from __future__ import annotations

import csv
import itertools
import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from bench.records.results_folder import read_ceilings, read_runs
from tests.bench.real_sweep import PATIENCE_S, RealSweep, count_lines
from tests.paths import REAL

CHARTS = ("ranking.png", "where_time_goes.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Return a folder of synthetic sets, which all sweeps share."""
    return tmp_path_factory.mktemp("data")


def sweep(data: Path, out: Path, *arguments: str, samples: int = 2000, **options) -> RealSweep:
    """Start a sweep over synthetic samples, into `out`, of a family whose imports take the least time."""
    where = ("--dataset", f"synthetic:{samples}", "--data-dir", str(data), "--out", str(out))
    where = ("--family", "batched_dataloader", *where)
    return RealSweep(*where, *arguments, **options)


def find_cells(folder: Path) -> list[tuple[int, int, int]]:
    """Return the configuration, block and epoch of each row, without repetitions of disturbed trials."""
    runs = read_runs(folder)
    runs = runs[runs["attempt"] == 0]
    assert set(runs["status"]) == {"ok"}
    return sorted(zip(runs["configuration"], runs["block"], runs["epoch"], strict=True))


def assert_whole(folder: Path) -> None:
    """Check that runs.csv can be read, and ends with a whole line."""
    read_runs(folder)
    assert (folder / "runs.csv").read_bytes().endswith(b"\n")


def test_ctrl_c_keeps_what_was_measured(data, tmp_path) -> None:
    """Only the epoch under way is lost. There are a summary, charts and the command to go on; exit 130."""
    with sweep(data, tmp_path, "--num-workers", "0,2", "--blocks", "500") as running:
        running.wait_until(lambda: count_lines(tmp_path / "runs.csv") > 3)
        measured = count_lines(tmp_path / "runs.csv")
        running.process.send_signal(signal.SIGINT)
        code, out, err = running.wait_for_end()
        assert (code, err) == (130, "")
        assert "Interrupted: what was measured until then is kept." in out
        assert f"python -m bench.sweep --resume {tmp_path}" in out
        running.wait_until_gone()
    assert_whole(tmp_path)
    assert count_lines(tmp_path / "runs.csv") >= measured
    assert set(read_runs(tmp_path)["status"]) == {"ok"}
    assert all((tmp_path / name).exists() for name in ("summary.csv", *CHARTS))


@pytest.fixture
def temporary():
    """Return a TMPDIR in which nothing may be left. Its path is short, as sockets lie there."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"TMPDIR": folder}
        # torch keeps its own cache.
        assert [path for path in Path(folder).iterdir() if "inductor" not in path.name] == []


def test_a_second_ctrl_c_ends_at_once(data, tmp_path, temporary) -> None:
    """The sweep skips table and charts, leaves no process behind, and every line is whole."""
    with sweep(
        data, tmp_path, "--num-workers", "2", "--blocks", "500", environment=temporary
    ) as running:  # fmt: skip
        running.wait_until(lambda: count_lines(tmp_path / "runs.csv") > 1)
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.4)  # a second signal within 0.3 s counts as an echo of the first
        running.process.send_signal(signal.SIGINT)
        code, _, err = running.wait_for_end()
        # The signal ends a process that is leaving already.
        assert code in (130, -signal.SIGINT)
        assert "Traceback" not in err
        running.wait_until_gone()
    assert_whole(tmp_path)


def test_a_closed_terminal_is_an_interrupt(data, tmp_path) -> None:
    """Summary and charts are made although nothing can be printed."""
    master, terminal = pty.openpty()
    # setsid gives the sweep a terminal of its own, as a shell does.
    command = ("setsid", "--ctty", "--wait")
    with sweep(
        data, tmp_path, "--num-workers", "0", "--blocks", "500", before=command, stdin=terminal,
        stdout=terminal, stderr=terminal,
    ) as running:  # fmt: skip
        os.close(terminal)
        running.wait_until(lambda: os.read(master, 1000) and count_lines(tmp_path / "runs.csv") > 1)
        os.close(master)
        assert running.process.wait(PATIENCE_S) in (130, 128 + signal.SIGHUP, -signal.SIGHUP)
        running.wait_until_gone()
    assert_whole(tmp_path)
    assert all((tmp_path / name).exists() for name in ("summary.csv", *CHARTS))


SLOW_IMPORT = """
import pathlib, sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "torch.nn":
            pathlib.Path({begun!r}).touch()
            time.sleep(600)

sys.meta_path.insert(0, Slow())
"""


def test_ctrl_c_while_it_starts_is_no_traceback(tmp_path) -> None:
    """During the imports, which take seconds, an interrupt prints nothing."""
    begun = tmp_path / "begun"
    (tmp_path / "sitecustomize.py").write_text(SLOW_IMPORT.format(begun=str(begun)))
    with RealSweep("--help", environment={"PYTHONPATH": str(tmp_path)}) as running:
        running.wait_until(begun.exists)
        running.process.send_signal(signal.SIGINT)
        code, _, err = running.wait_for_end()
        assert code in (-signal.SIGINT, 130)
        assert err == ""


@pytest.mark.usefixtures("without_git")
def test_a_killed_sweep_is_resumed(data, tmp_path, temporary, sweep_here) -> None:
    """kill -9 while a worker hangs leaves no orphans. Resumed, the sweep runs each missing trial once."""
    arguments = ("--num-workers", "2", "--batch-size", "64,256", "--blocks", "2", "--epochs", "2")
    with sweep(data, tmp_path, *arguments, samples=4000, environment=temporary) as running:
        running.wait_until(lambda: count_lines(tmp_path / "runs.csv") > 3)
        running.wait_until(running.find_workers)[0].send_signal(signal.SIGSTOP)
        running.process.kill()
        running.process.wait()
        running.wait_until_gone()
    assert_whole(tmp_path)
    before = (tmp_path / "runs.csv").read_bytes()
    measured = find_cells(tmp_path)
    everything = sorted(itertools.product(range(2), range(2), range(2)))
    assert set(measured) < set(everything)
    # A power cut could leave such a line.
    with (tmp_path / "runs.csv").open("ab") as file:
        file.write(b"4,0,0,torch_datal\0\0\0")

    environment = json.loads((tmp_path / "environment.json").read_text())
    changed = {**environment, "versions": {**environment["versions"], "torch": "1.0"}}
    (tmp_path / "environment.json").write_text(json.dumps(changed))
    code, _, err = sweep_here("--resume", str(tmp_path))
    assert code == 2
    assert "torch 1.0, now" in err
    assert err.count("\n") == 1

    (tmp_path / "environment.json").write_text(json.dumps(environment))
    with RealSweep("--resume", str(tmp_path)) as resumed:
        code, _, err = resumed.wait_for_end()
        assert (code, err) == (0, "")
        resumed.wait_until_gone()
    assert (tmp_path / "runs.csv").read_bytes().startswith(before)
    assert find_cells(tmp_path) == everything
    assert set(read_runs(tmp_path)["resumed_with"]) == {""}
    ceilings = read_ceilings(tmp_path)
    assert ceilings.groupby(["configuration", "block", "epoch", "attempt"]).size().max() == 1
    assert len(json.loads((tmp_path / "environment.json").read_text())["resumed"]) == 1


def test_a_full_disk_ends_a_sweep_on_a_whole_line(data, tmp_path, small_disk) -> None:
    """One line names the full disk, exit 1, and the rows until then can be read."""
    keep = tmp_path / "kept.csv"
    with small_disk(
        "32k", f"cp runs.csv {keep}",
        "--dataset", "synthetic:200", "--data-dir", str(data), "--family", "tensor_slice",
        "--batch-size", "16,32", "--step", "none", "--blocks", "500", "--epochs", "40",
    ) as running:  # fmt: skip
        code, out, err = running.wait_for_end()
        assert code == 1, err
        assert "runs.csv can't be written: No space left on device" in err
        assert "Traceback" not in err
        assert "Throughput of steady epochs" in out
        running.wait_until_gone()
    assert keep.read_bytes().endswith(b"\n")
    lines = list(csv.reader(keep.read_text().splitlines()))
    assert len(lines) > 2
    assert {len(line) for line in lines} == {len(lines[0])}


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that starts a sweep into a file system of some size, and a command after it."""
    mount = tmp_path / "disk"
    mount.mkdir()
    namespace = (
        ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    )
    if not shutil.which("unshare") or subprocess.run(
        [*namespace, "mount", "-t", "tmpfs", "tmpfs", str(mount)], capture_output=True, check=False
    ).returncode:  # fmt: skip
        pytest.skip("no file system may be mounted here")

    def start(size: str, then: str, *arguments: str) -> RealSweep:
        mounted = f'mount -t tmpfs -o size={size} tmpfs "{mount}"'
        script = f'{mounted}; "$@"; code=$?; cd "{mount}/out"; {then}; exit $code'
        return RealSweep(
            *arguments, "--out", str(mount / "out"), before=[*namespace, "sh", "-c", script, "sh"]
        )

    return start


def test_two_sweeps_in_one_folder(data, tmp_path, sweep_here) -> None:
    """While one runs, another is refused, whether it begins or resumes."""
    with sweep(data, tmp_path, "--num-workers", "0", "--blocks", "500") as running:
        running.wait_until(lambda: count_lines(tmp_path / "runs.csv") > 1)
        for other, says in (
            (
                ("--dataset", "synthetic:2000", "--data-dir", str(data), "--out", str(tmp_path)),
                "is not empty",
            ),
            (("--resume", str(tmp_path)), "is in use by another sweep"),
        ):
            code, _, err = sweep_here(*other)
            assert code == 2
            assert says in err
        # SIGTERM is an interrupt as Ctrl-C is.
        running.process.send_signal(signal.SIGTERM)
        assert running.wait_for_end()[0] == 130
    assert all((tmp_path / name).exists() for name in ("summary.csv", *CHARTS))


def test_data_that_changes(tmp_path, sweep_here) -> None:
    """A sweep ends when its data change, and keeps the rows before. It can't be resumed with other data."""
    shutil.copytree(REAL, tmp_path / "data")
    (images,) = tmp_path.glob("data/**/train-images-idx3-ubyte")
    out = tmp_path / "out"
    where = ("--family", "tensor_slice", "--data-dir", str(tmp_path / "data"), "--out", str(out))
    with RealSweep(*where, "--blocks", "500") as running:
        running.wait_until(lambda: count_lines(out / "runs.csv") > 2)
        content = bytearray(images.read_bytes())
        content[-1] ^= 1
        images.write_bytes(content)
        code, text, err = running.wait_for_end()
        assert code == 1
        assert err == (
            "error: the data changed during the measurement: train-images-idx3-ubyte was written to; put it "
            "back before you go on, or measure anew\n"
        )
        assert "Throughput of steady epochs" in text
    assert set(read_runs(out)["status"]) == {"ok"}
    code, _, err = sweep_here("--resume", str(out))
    assert code == 2
    assert "the sweep began with other data" in err


def test_a_trial_that_takes_too_much_memory(data, tmp_path, sweep_here) -> None:
    """The trial fails at the given limit, and the others are measured."""
    code, out, _ = sweep_here(
        "--dataset", "synthetic:2001", "--data-dir", str(data), "--out", str(tmp_path),
        "--family", "batched_dataloader", "--batch-size", "16,2000", "--resize", "256",
        "--num-workers", "0", "--blocks", "1", "--epochs", "1", "--memory-limit", "700M",
    )  # fmt: skip
    assert code == 1
    runs = read_runs(tmp_path).groupby("batch_size")
    assert set(runs.get_group("16")["status"]) == {"ok"}
    (error,) = runs.get_group("2000")["error"]
    assert error.startswith("out of memory: use fewer workers, smaller batches")
    assert "the trial held " in error
    assert "the limit is 700 MiB" in error
    assert "out of memory" in out


def test_output_that_cannot_be_written(data, tmp_path) -> None:
    """The results are there, and an error says that standard output can't be written."""
    with open("/dev/full", "w") as full, sweep(  # noqa: PTH123 - a device
        data, tmp_path, "--num-workers", "0", "--blocks", "1", "--epochs", "2", stdout=full
    ) as running:  # fmt: skip
        assert running.process.wait(PATIENCE_S) == 1
        assert running.process.stderr.read() == (
            "error: standard output can't be written: No space left on device\n"
        )
    assert (tmp_path / "summary.csv").exists()


def test_a_sweep_survives_a_jumping_clock_a_lost_reader_and_a_hangup(data, tmp_path) -> None:
    """The clock of sweep and trials jumps, the reader of its output goes, and nohup's terminal is closed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import time\nnow = time.time\ntime.time = lambda: 2e9 - 1e4 * now() % 1e9\n"
    )
    out = tmp_path / "out"
    with sweep(
        data, out, "--num-workers", "0,2", "--blocks", "1", "--epochs", "2", before=["nohup"],
        stdin=subprocess.DEVNULL,
        environment={"PYTHONPATH": str(tmp_path)},
    ) as running:  # fmt: skip
        running.process.stdout.readline()
        running.process.stdout.close()
        running.wait_until(lambda: count_lines(out / "runs.csv") > 0)
        running.process.send_signal(signal.SIGHUP)
        assert running.process.wait(PATIENCE_S) == 0
        assert running.process.stderr.read() == ""
    runs = read_runs(out)
    assert set(runs["status"]) == {"ok"}
    assert runs["wall_s"].between(0, 60).all()
    assert (runs["data_wait_s"] <= runs["wall_s"]).all()
    assert (out / "summary.csv").exists()


def test_ctrl_c_at_the_keyboard_while_it_starts(data, tmp_path) -> None:
    """A terminal signals all processes of its group, and none of them prints a traceback."""
    with sweep(data, tmp_path, "--num-workers", "0", start_new_session=True) as running:
        running.wait_until(lambda: (tmp_path / "environment.json").exists())
        running.wait_until(
            lambda: any("forkserver" in " ".join(each.cmdline()) for each in running.find_alive())
        )
        os.killpg(running.process.pid, signal.SIGINT)
        code, _, err = running.wait_for_end()
        assert code == 130
        assert "Traceback" not in err
        running.wait_until_gone()
