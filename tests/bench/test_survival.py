"""Whatever happens to a sweep: what was measured stays, can be continued, and nothing is left behind."""

from __future__ import annotations

import csv
import gzip
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
from tests.bench.real_sweep import PATIENCE_S, RealSweep, lines_in
from tests.paths import REAL

CHARTS = ("ranking.png", "where_time_goes.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Where the synthetic sets lie, drawn once."""
    return tmp_path_factory.mktemp("data")


def sweep(data: Path, out: Path, *arguments: str, samples: int = 2000, **options) -> RealSweep:
    """A sweep over synthetic samples, into `out`."""
    where = ("--dataset", f"synthetic:{samples}", "--data-dir", str(data), "--out", str(out))
    return RealSweep(*where, *arguments, **options)


def cells_of(folder: Path) -> list[tuple[int, int, int]]:
    """What was measured: configuration, block, epoch. Without repetitions of what others disturbed."""
    runs = read_runs(folder)
    runs = runs[runs["attempt"] == 0]
    assert set(runs["status"]) == {"ok"}
    return sorted(zip(runs["configuration"], runs["block"], runs["epoch"], strict=True))


def whole(folder: Path) -> None:
    """runs.csv parses, and ends with a whole line."""
    read_runs(folder)
    assert (folder / "runs.csv").read_bytes().endswith(b"\n")


def test_ctrl_c_keeps_what_was_measured(data, tmp_path) -> None:
    """The epoch under way is dropped; summary, charts and the way to go on are there; exit 130."""
    with sweep(data, tmp_path, "--num-workers", "0,2", "--blocks", "500") as running:
        running.wait_until(lambda: lines_in(tmp_path / "runs.csv") > 3)
        measured = lines_in(tmp_path / "runs.csv")
        running.process.send_signal(signal.SIGINT)
        code, out, err = running.ended()
        assert (code, err) == (130, "")
        assert "Interrupted: what was measured until then is kept." in out
        assert f"python -m bench.sweep --resume {tmp_path}" in out
        running.wait_until_gone()
    whole(tmp_path)
    assert lines_in(tmp_path / "runs.csv") >= measured
    assert set(read_runs(tmp_path)["status"]) == {"ok"}
    assert all((tmp_path / name).exists() for name in ("summary.csv", *CHARTS))


@pytest.fixture
def temporary():
    """A folder for a sweep's temporary files, in which nothing must be left. Short: sockets lie there."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"TMPDIR": folder}
        # torch's own cache is made for good.
        assert [path for path in Path(folder).iterdir() if "inductor" not in path.name] == []


def test_a_second_ctrl_c_ends_at_once(data, tmp_path, temporary) -> None:
    """No table and no charts any more, and yet no process is left and every line is whole."""
    with sweep(
        data, tmp_path, "--num-workers", "2", "--blocks", "500", environment=temporary
    ) as running:  # fmt: skip
        running.wait_until(lambda: lines_in(tmp_path / "runs.csv") > 1)
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.4)  # one that comes with the first is taken for its echo
        running.process.send_signal(signal.SIGINT)
        code, _, err = running.ended()
        # The latter where it was just leaving.
        assert code in (130, -signal.SIGINT)
        assert "Traceback" not in err
        running.wait_until_gone()
    whole(tmp_path)


def test_a_closed_terminal_is_an_interrupt(data, tmp_path) -> None:
    """There is nobody left to print to; summary and charts are made all the same."""
    master, terminal = pty.openpty()
    # setsid makes the terminal the sweep's own, as a shell's is.
    command = ("setsid", "--ctty", "--wait")
    with sweep(
        data, tmp_path, "--num-workers", "0", "--blocks", "500", before=command, stdin=terminal,
        stdout=terminal, stderr=terminal,
    ) as running:  # fmt: skip
        os.close(terminal)
        running.wait_until(lambda: os.read(master, 1000) and lines_in(tmp_path / "runs.csv") > 1)
        os.close(master)
        assert running.process.wait(PATIENCE_S) in (130, 128 + signal.SIGHUP, -signal.SIGHUP)
        running.wait_until_gone()
    whole(tmp_path)
    assert all((tmp_path / name).exists() for name in ("summary.csv", *CHARTS))


def test_ctrl_c_while_it_starts_is_no_traceback() -> None:
    """Imports take seconds: nothing has begun, and nothing is to be said."""
    with RealSweep("--help") as running:
        running.wait_until(lambda: "torch" in maps_of(running.process.pid))
        running.process.send_signal(signal.SIGINT)
        code, _, err = running.ended()
        assert code in (-signal.SIGINT, 130)
        assert err == ""


def maps_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return ""


def test_a_killed_sweep_is_resumed(data, tmp_path, temporary) -> None:
    """kill -9 while a worker hangs: no orphans; what is missing is run, once, and what was there stays."""
    arguments = ("--num-workers", "0,2", "--batch-size", "64,256", "--blocks", "2", "--epochs", "2")
    with sweep(data, tmp_path, *arguments, samples=4000, environment=temporary) as running:
        running.wait_until(lambda: lines_in(tmp_path / "runs.csv") > 6)
        running.wait_until(running.workers)[0].send_signal(signal.SIGSTOP)
        running.process.kill()
        running.process.wait()
        running.wait_until_gone()
    whole(tmp_path)
    before = (tmp_path / "runs.csv").read_bytes()
    measured = cells_of(tmp_path)
    everything = sorted(itertools.product(range(4), range(2), range(2)))
    assert set(measured) < set(everything)
    # A power cut could leave this besides.
    with (tmp_path / "runs.csv").open("ab") as file:
        file.write(b"4,0,0,torch_datal\0\0\0")

    environment = json.loads((tmp_path / "environment.json").read_text())
    changed = {**environment, "versions": {**environment["versions"], "torch": "1.0"}}
    (tmp_path / "environment.json").write_text(json.dumps(changed))
    with RealSweep("--resume", str(tmp_path)) as refused:
        code, _, err = refused.ended()
        assert code == 2
        assert "torch 1.0, now" in err
        assert err.count("\n") == 1

    (tmp_path / "environment.json").write_text(json.dumps(environment))
    with RealSweep("--resume", str(tmp_path)) as resumed:
        code, _, err = resumed.ended()
        assert (code, err) == (0, "")
        resumed.wait_until_gone()
    assert (tmp_path / "runs.csv").read_bytes().startswith(before)
    assert cells_of(tmp_path) == everything
    assert set(read_runs(tmp_path)["resumed_with"]) == {""}
    limits = read_ceilings(tmp_path)
    assert limits.groupby(["configuration", "block", "epoch", "attempt"]).size().max() == 1
    assert len(json.loads((tmp_path / "environment.json").read_text())["resumed"]) == 1


def test_a_full_disk_ends_a_sweep_on_a_whole_line(data, tmp_path, small_disk) -> None:
    """An error that says so, exit 1; what was measured until then can be read."""
    keep = tmp_path / "kept.csv"
    with small_disk(
        "32k", f"cp runs.csv {keep}",
        "--dataset", "synthetic:200", "--data-dir", str(data), "--num-workers", "0", "--batch-size", "16,32",
        "--step", "none", "--blocks", "500", "--epochs", "40",
    ) as running:  # fmt: skip
        code, out, err = running.ended()
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
    """Starts a sweep into a file system of that size, made for it alone, then a command in its folder."""
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


def test_two_sweeps_in_one_folder(data, tmp_path) -> None:
    """The second is refused while the first runs, whether it would begin or go on."""
    with sweep(data, tmp_path, "--num-workers", "0", "--blocks", "500") as running:
        running.wait_until(lambda: lines_in(tmp_path / "runs.csv") > 1)
        with (
            sweep(data, tmp_path, "--num-workers", "0") as second,
            RealSweep("--resume", str(tmp_path)) as third,
        ):
            for other, says in ((second, "is not empty"), (third, "is in use by another sweep")):
                code, _, err = other.ended()
                assert code == 2
                assert says in err
        # Not only Ctrl-C is an interrupt.
        running.process.send_signal(signal.SIGTERM)
        assert running.ended()[0] == 130
    assert all((tmp_path / name).exists() for name in ("summary.csv", *CHARTS))


def test_data_that_changes(tmp_path) -> None:
    """During a sweep: it ends, and keeps what was measured before. When it is resumed: refused."""
    shutil.copytree(REAL, tmp_path / "data")
    (packed,) = tmp_path.glob("data/**/train-images-idx3-ubyte.gz")
    images = packed.with_suffix("")
    images.write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    out = tmp_path / "out"
    where = ("--data-dir", str(tmp_path / "data"), "--out", str(out))
    with RealSweep(*where, "--num-workers", "0", "--blocks", "500") as running:
        running.wait_until(lambda: lines_in(out / "runs.csv") > 2)
        content = bytearray(images.read_bytes())
        content[-1] ^= 1
        images.write_bytes(content)
        code, text, err = running.ended()
        assert code == 1
        assert err == (
            "error: the data changed during the sweep: train-images-idx3-ubyte was written to; put it "
            "back and resume, or measure anew\n"
        )
        assert "Throughput of steady epochs" in text
    assert set(read_runs(out)["status"]) == {"ok"}
    with RealSweep("--resume", str(out)) as resumed:
        code, _, err = resumed.ended()
        assert code == 2
        assert "the sweep began with other data" in err


def test_a_trial_that_takes_too_much_memory(data, tmp_path) -> None:
    """It fails, by the limit that was given; the others are measured."""
    with sweep(
        data, tmp_path, "--family", "batched_dataloader", "--batch-size", "16,2000", "--resize", "256",
        "--num-workers", "0", "--blocks", "1", "--memory-limit", "700M", samples=2100,
    ) as running:  # fmt: skip
        code, out, _ = running.ended()
        assert code == 1
        running.wait_until_gone()
    runs = read_runs(tmp_path).groupby("batch_size")
    assert set(runs.get_group("16")["status"]) == {"ok"}
    (error,) = runs.get_group("2000")["error"]
    assert error.startswith("out of memory: use fewer workers, smaller batches")
    assert "the trial held " in error
    assert "the limit is 700 MiB" in error
    assert "out of memory" in out


def test_output_that_cannot_be_written(data, tmp_path) -> None:
    """As into a full disk: the results are there, and it is said where errors go."""
    with open("/dev/full", "w") as full, sweep(  # noqa: PTH123 - a device
        data, tmp_path, "--num-workers", "0", "--blocks", "2", stdout=full
    ) as running:  # fmt: skip
        assert running.process.wait(PATIENCE_S) == 1
        assert running.process.stderr.read() == (
            "error: standard output can't be written: No space left on device\n"
        )
    assert (tmp_path / "summary.csv").exists()


def test_what_a_sweep_does_not_notice(data, tmp_path) -> None:
    """A clock that jumps, in it and in its trials; a reader that goes away; a closed terminal under nohup."""
    (tmp_path / "sitecustomize.py").write_text(
        "import time\nnow = time.time\ntime.time = lambda: 2e9 - 1e4 * now() % 1e9\n"
    )
    out = tmp_path / "out"
    with sweep(
        data, out, "--num-workers", "0,2", "--blocks", "1", before=["nohup"], stdin=subprocess.DEVNULL,
        environment={"PYTHONPATH": str(tmp_path)},
    ) as running:  # fmt: skip
        running.process.stdout.readline()
        running.process.stdout.close()
        running.wait_until(lambda: lines_in(out / "runs.csv") > 0)
        running.process.send_signal(signal.SIGHUP)
        assert running.process.wait(PATIENCE_S) == 0
        assert running.process.stderr.read() == ""
    runs = read_runs(out)
    assert set(runs["status"]) == {"ok"}
    assert runs["wall_s"].between(0, 60).all()
    assert (runs["data_wait_s"] <= runs["wall_s"]).all()
    assert (out / "summary.csv").exists()


def test_ctrl_c_at_the_keyboard_while_it_starts(data, tmp_path) -> None:
    """A terminal signals all processes of its group: none of them has a traceback to say."""
    with sweep(data, tmp_path, "--num-workers", "0", start_new_session=True) as running:
        running.wait_until(lambda: (tmp_path / "environment.json").exists())
        running.wait_until(lambda: any("forkserver" in " ".join(each.cmdline()) for each in running.alive()))
        os.killpg(running.process.pid, signal.SIGINT)
        code, _, err = running.ended()
        assert code == 130
        assert "Traceback" not in err
        running.wait_until_gone()
