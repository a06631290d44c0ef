"""Tests of sweeps on a machine with faults: the row names the fault, the other trials are measured."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import psutil
import pytest

from bench.records.results_folder import read_runs
from tests.bench.real_sweep import PATIENCE_S, RealSweep

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits, mounts and signals as on Linux")

# Runs a command with a /dev/shm of its own, and lists the files that are left there at the end. The resource
# tracker may need a moment to clean up.
OWN_SHM = """
left=$1 size=$2; shift 2
mount -t tmpfs -o size=$size tmpfs /dev/shm || exit 99
"$@"; code=$?
for i in $(seq 100); do [ -z "$(ls -A /dev/shm)" ] && break; sleep 0.1; done
ls -A /dev/shm > "$left"
exit $code
"""
# Another user may need root's right to read Python's files.
ANY_FILE = ("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override")
# Some systems write the memory of a process to disk that a signal kills.
NO_CORE = ("prlimit", "--core=0")


def find_obstacle(command: Sequence[str]) -> str | None:
    """Return None if the command can be run here, else the reason."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    return None if done.returncode == 0 else " ".join(done.stderr.split()) or f"{command[0]} failed"


def find_mount_command() -> tuple[str, ...]:
    """Return the command that gives a process mounts of its own, empty if that is forbidden."""
    for command in (("unshare", "-m"), ("unshare", "-Urm")):
        if find_obstacle([*command, "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"]) is None:
            return command
    return ()


@dataclass(frozen=True)
class Faulty:
    """A sweep with a fault, in a folder of its own."""

    running: RealSweep
    folder: Path

    def read_rows(self) -> list[dict[str, str]]:
        """Return the whole lines of runs.csv so far."""
        runs = self.folder / "out" / "runs.csv"
        text = runs.read_text() if runs.exists() else ""
        return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Return runs.csv at the end, after a check that the sweep printed each error and left nothing."""
        out, err = self.running.process.communicate(timeout=PATIENCE_S)
        assert self.running.process.returncode == 1, (out, err)
        assert "Traceback" not in err
        self.running.wait_until_gone()
        left = self.folder / "shm"
        assert not left.exists() or left.read_text().split() == []
        assert (self.folder / "out" / "runs.csv").read_bytes().endswith(b"\n")
        runs = read_runs(self.folder / "out")
        for error in runs.loc[runs["status"] != "ok", "error"]:
            assert error in out
        return runs


def start(
    folder: Path,
    *arguments: str,
    samples: int = 600,
    shm: str | None = "1g",
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Faulty:
    """Start a sweep of one block, with a /dev/shm of that size if mounts are allowed."""
    mounts = find_mount_command() if shm else ()
    own_shm = (*mounts, "sh", "-c", OWN_SHM, "sh", str(folder / "shm"), str(shm)) if mounts else ()
    running = RealSweep(
        *("--dataset", f"synthetic:{samples}", "--data-dir", str(folder / "data")),
        *("--out", str(folder / "out"), "--blocks", "1", *arguments),
        before=(*own_shm, *NO_CORE, *before),
        environment=environment,
    )
    return Faulty(running, folder)


def find_outcomes(runs: pd.DataFrame, *columns: str) -> dict[tuple[str, ...], tuple[str, str]]:
    """Return status and error of each configuration's last row, by its cells in these columns."""
    return {
        tuple(line[column] for column in columns): (line["status"], line["error"])
        for _, line in runs[runs["attempt"] == 0].iterrows()
    }


def start_full_shm(folder: Path) -> Faulty | str:
    """Start a sweep with room for the semaphores of few workers, and for no batch."""
    if not find_mount_command():
        return f"no mounts: {find_obstacle(['unshare', '-Urm', 'true'])}"
    return start(
        folder, "--family", "torch_dataloader,batched_dataloader", "--num-workers", "0,2,64",
        "--batch-size", "64", "--epochs", "1", "--timeout", "10", shm="256k",
    )  # fmt: skip


def start_few_files(folder: Path) -> Faulty | str:
    """Start a sweep with enough open files for few workers."""
    return find_obstacle(["prlimit", "--nofile=64", "true"]) or start(
        folder, "--family", "batched_dataloader", "--num-workers", "0,2,48", "--batch-size", "64",
        "--epochs", "1", before=["prlimit", "--nofile=64"],
    )  # fmt: skip


def start_few_processes(folder: Path) -> Faulty | str:
    """Start a sweep with enough processes for few workers.

    Threads count too, and so do the user's other processes.
    """
    if os.getuid() == 0:
        # The limit doesn't bind root. Another user without processes runs the sweep.
        user = next(n for n in range(61_000, 62_000) if not count_processes(n))
        before = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *ANY_FILE]
        limit = 24
        os.chown(folder, user, user)
        folder.chmod(0o755)
    else:
        before, limit = [], count_processes(os.getuid()) + 40
    before = [*before, "prlimit", f"--nproc={limit}"]
    return find_obstacle([*before, sys.executable, "-c", ""]) or start(
        folder, "--family", "batched_dataloader", "--num-workers", "0,2,64", "--batch-size", "64",
        "--epochs", "1", before=before, environment={"HOME": str(folder), "TMPDIR": str(folder)},
        # In a namespace of its own, in which it has mounts, a user has other processes.
        shm="1g" if os.getuid() == 0 else None,
    )  # fmt: skip


def count_processes(user: int) -> int:
    """Return the number of a user's processes and threads."""
    count = 0
    for process in psutil.process_iter():
        try:
            if process.uids().real == user:
                count += process.num_threads()
        except psutil.Error:
            continue
    return count


def start_damaged_pictures(folder: Path) -> Faulty | str:
    """Start a sweep that is long enough to damage a file after it was made and before it is read."""
    return start(
        folder, "--family", "image_folder,tensor_slice", "--num-workers", "0", "--batch-size", "64",
        "--epochs", "150",
    )  # fmt: skip


def damage(faulty: Faulty) -> None:
    """Write over one of the PNG files, and keep its size and time."""
    (raw,) = faulty.running.wait_until(lambda: list(faulty.folder.glob("data/*/FashionMNIST/raw")))
    # The folder gets this name when it is complete.
    pictures = faulty.running.wait_until(
        lambda: list((raw / "converted" / "train").glob("image_folder-*/*/*.png"))
    )
    status = pictures[0].stat()
    pictures[0].write_bytes(bytes(status.st_size))
    os.utime(pictures[0], ns=(status.st_atime_ns, status.st_mtime_ns))


# The target and the signal, by the prefetch factor of the configuration.
STRUCK = {
    "2": ("worker", signal.SIGKILL),
    "3": ("worker", signal.SIGSEGV),
    "4": ("trial", signal.SIGKILL),
    "5": ("trial", signal.SIGSEGV),
    "6": ("worker", signal.SIGSTOP),
}
TIMEOUT_S = 12


def start_struck(folder: Path) -> Faulty | str:
    """Start a sweep that is long enough to send a signal to a process of each configuration."""
    return start(
        folder, "--family", "torch_dataloader,tensor_slice", "--num-workers", "1", "--prefetch-factor",
        ",".join(STRUCK), "--persistent-workers", "on", "--multiprocessing-context", "fork",
        "--batch-size", "2500", "--epochs", "60", "--timeout", str(TIMEOUT_S), samples=10_000,
    )  # fmt: skip


def strike(faulty: Faulty) -> None:
    """Send each configuration its signal once it has a row."""
    left = dict(STRUCK)
    while left:
        due = faulty.running.wait_until(
            lambda: {row["prefetch_factor"] for row in faulty.read_rows()} & {*left}
        )
        target, number = left.pop(due.pop())
        trial = find_timed_trial(faulty.running)
        victim = trial if target == "trial" else trial.children()[0]
        victim.send_signal(number)


def find_timed_trial(running: RealSweep) -> psutil.Process:
    """Return the measured process, the oldest child of the forkserver. The audit's process is younger."""
    servers = [
        process for process in running.find_alive() if "forkserver import main" in " ".join(process.cmdline())
    ]
    server = min(servers, key=start_order)
    return min(server.children(), key=start_order)


def start_order(process: psutil.Process) -> tuple[float, int]:
    """Return a key that sorts processes by their start. Ids decide within a tick of the clock."""
    return process.create_time(), process.pid


@pytest.fixture(scope="module")
def sweeps() -> Iterator[dict[str, Callable[[], Faulty]]]:
    """Run all sweeps side by side, as they mostly start processes and wait."""
    injections = {start_damaged_pictures: damage, start_struck: strike}
    found: dict[str, Callable[[], Faulty]] = {}
    with ExitStack() as stack:
        # Only one user can read pytest's own folders.
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="faults-")))
        folder.chmod(0o755)
        pool = stack.enter_context(ThreadPoolExecutor())
        for begin in (
            start_few_processes,
            start_full_shm,
            start_few_files,
            start_damaged_pictures,
            start_struck,
        ):
            own = folder / begin.__name__
            own.mkdir()
            faulty = begin(own)
            if isinstance(faulty, str):
                found[begin.__name__] = partial(pytest.skip, faulty)
                continue
            stack.enter_context(faulty.running)
            if begin is start_few_processes and os.getuid() != 0:
                # The processes of the other sweeps would count.
                faulty.running.process.wait(PATIENCE_S)
            injected = pool.submit(injections.get(begin, Faulty.read_rows), faulty)
            found[begin.__name__] = partial(wait_for_injection, injected, faulty)
        yield found


def wait_for_injection(injected: Future[object], faulty: Faulty) -> Faulty:
    """Return the sweep once its fault is injected."""
    injected.result()
    return faulty


@pytest.fixture
def faulty(request, sweeps) -> Faulty:
    """Return the sweep that the test asks for."""
    return sweeps[request.param.__name__]()


def use_sweep(begin) -> pytest.MarkDecorator:
    """Return the mark of a test that asks for this sweep."""
    return pytest.mark.parametrize("faulty", [begin], indirect=True, ids=[begin.__name__])


@use_sweep(start_full_shm)
def test_a_full_shm(faulty) -> None:
    """Workers fail at their start or at their first batch. Without workers the trial is measured."""
    ends = find_outcomes(faulty.runs, "family", "num_workers")
    for workers in ("2", "64"):
        status, error = ends["torch_dataloader", workers]
        # Before torch 2.10 SIGBUS kills a worker.
        assert status == "failed"
        assert "/dev/shm is full" in error.partition("(docker: --shm-size")[0]
    # If a thread of a worker fails, the trial hangs, and only its output names the reason.
    assert all("/dev/shm is full" in ends["batched_dataloader", workers][1] for workers in ("2", "64"))
    assert {ends[family, "0"] for family in ("torch_dataloader", "batched_dataloader")} == {("ok", "")}


@use_sweep(start_few_files)
def test_too_many_open_files(faulty) -> None:
    """Many workers need more files than are allowed. The sweep itself and few workers don't."""
    ends = find_outcomes(faulty.runs, "num_workers")
    status, error = ends["48",]
    assert status == "failed"
    assert error.startswith("too many open files: raise the limit (ulimit -n 4096) or use fewer workers")
    assert ends["0",] == ends["2",] == ("ok", "")


@use_sweep(start_few_processes)
def test_too_many_processes(faulty) -> None:
    """A trial fails while it starts its workers, and those that have started end too."""
    ends = find_outcomes(faulty.runs, "num_workers")
    status, error = ends["64",]
    assert status == "failed"
    assert error.removeprefix("perhaps ").startswith("too many processes")
    assert "raise the limit (ulimit -u" in error
    assert ends["0",] == ends["2",] == ("ok", "")


@use_sweep(start_damaged_pictures)
def test_a_damaged_picture(faulty) -> None:
    """The loader that reads it fails, and its error says how to make the files again."""
    ends = find_outcomes(faulty.runs, "family")
    status, error = ends["image_folder",]
    assert status == "failed"
    assert error.startswith("a picture can't be decoded: start the sweep again")
    assert ends["tensor_slice",] == ("ok", "")


MEANS = {
    signal.SIGKILL: "perhaps by the system for lack of memory",
    signal.SIGSEGV: "a fault in native code",
}


@use_sweep(start_struck)
@pytest.mark.parametrize("factor", [factor for factor, (_, number) in STRUCK.items() if number in MEANS])
def test_a_process_that_is_killed(faulty, factor) -> None:
    """The error names the signal and its likely reason."""
    target, number = STRUCK[factor]
    status, error = find_outcomes(faulty.runs, "prefetch_factor")[factor,]
    assert status == "failed"
    # A worker may die while it sends a batch. Then only the broken connection is seen.
    unseen = target == "worker" and error.startswith(
        "perhaps a DataLoader worker ended early: see trials.log"
    )
    name = {"worker": "a DataLoader worker", "trial": "the trial's process"}[target]
    assert unseen or error.startswith(f"{name} was killed by {number.name}: {MEANS[number]}")


@use_sweep(start_struck)
def test_a_worker_that_stops(faulty) -> None:
    """The worker is alive, so that only the deadline ends the trial, with all its processes."""
    end = find_outcomes(faulty.runs, "prefetch_factor")["6",]
    late = f"not done after {TIMEOUT_S} s: unless it hangs, begin again with a larger --timeout"
    assert end == ("timeout", late)


@use_sweep(start_struck)
def test_a_trial_without_a_signal_is_measured(faulty) -> None:
    """All of its epochs are there."""
    runs = faulty.runs[(faulty.runs["family"] == "tensor_slice") & (faulty.runs["attempt"] == 0)]
    assert list(runs["status"]) == ["ok"] * 60
