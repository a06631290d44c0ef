"""Faults for real: what the rows say of them, what is measured all the same, that nothing is left behind."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import psutil
import pytest

from bench.records.results_folder import read_runs
from tests.bench.real_sweep import RealSweep

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits, mounts and signals as on Linux")

# Runs what follows with a /dev/shm of its own, and says what is left there at the end. What cleans up after
# others may need a moment.
OWN_SHM = """
left=$1 size=$2; shift 2
mount -t tmpfs -o size=$size tmpfs /dev/shm || exit 99
"$@"; code=$?
for i in $(seq 100); do [ -z "$(ls -A /dev/shm)" ] && break; sleep 0.1; done
ls -A /dev/shm > "$left"
exit $code
"""
# Another user needs root's right to read Python's files, which may lie anywhere.
ANY_FILE = ("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override")
# Sweeps that start side by side take long. No time is asserted: what was waited for so long never comes.
PATIENCE_S = 300.0
# Some systems write down what a process held that dies of a signal.
NO_CORE = ("prlimit", "--core=0")


def permitted(command: Sequence[str]) -> str | None:
    """Whether that command can be run here: None, or why not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    return None if done.returncode == 0 else " ".join(done.stderr.split()) or f"{command[0]} failed"


def own_mounts() -> tuple[str, ...]:
    """The command that gives a process mounts of its own; none where that isn't permitted."""
    for command in (("unshare", "-m"), ("unshare", "-Urm")):
        if permitted([*command, "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"]) is None:
            return command
    return ()


@dataclass(frozen=True)
class Faulty:
    """A sweep that a fault befalls, in a folder that is its own."""

    running: RealSweep
    folder: Path

    def wait_until(self, what: Callable[[], Any]) -> Any:
        """Wait until it holds while the sweep runs; what it returned."""
        deadline = time.monotonic() + PATIENCE_S
        while not (held := what()):
            assert self.running.process.poll() is None, self.running.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return held

    def measured(self) -> list[dict[str, str]]:
        """The whole lines of runs.csv so far."""
        runs = self.folder / "out" / "runs.csv"
        text = runs.read_text() if runs.exists() else ""
        return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))

    @cached_property
    def runs(self) -> pd.DataFrame:
        """What runs.csv says at the end, once it is certain that the sweep told of it and cleaned up."""
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
    """Start a sweep of one block, with a /dev/shm of that size where that is permitted."""
    mounts = own_mounts() if shm else ()
    own_shm = (*mounts, "sh", "-c", OWN_SHM, "sh", str(folder / "shm"), str(shm)) if mounts else ()
    running = RealSweep(
        *("--dataset", f"synthetic:{samples}", "--data-dir", str(folder / "data")),
        *("--out", str(folder / "out"), "--blocks", "1", *arguments),
        before=(*own_shm, *NO_CORE, *before),
        environment=environment,
    )
    return Faulty(running, folder)


def outcomes(runs: pd.DataFrame, *columns: str) -> dict[tuple[str, ...], tuple[str, str]]:
    """How each configuration ended: the status and the error of its last row, by those of its cells."""
    return {
        tuple(line[column] for column in columns): (line["status"], line["error"])
        for _, line in runs[runs["attempt"] == 0].iterrows()
    }


def full_shm(folder: Path) -> Faulty | str:
    """Room for the semaphores of few workers, and for no batch."""
    if not own_mounts():
        return f"no mounts: {permitted(['unshare', '-Urm', 'true'])}"
    return start(
        folder, "--family", "torch_dataloader,batched_dataloader", "--num-workers", "0,2,64",
        "--batch-size", "64", "--epochs", "1", "--timeout", "15", shm="256k",
    )  # fmt: skip


def few_files(folder: Path) -> Faulty | str:
    """Enough open files for a sweep with few workers."""
    return permitted(["prlimit", "--nofile=64", "true"]) or start(
        folder, "--family", "torch_dataloader", "--num-workers", "0,2,48", "--batch-size", "64",
        "--epochs", "1", before=["prlimit", "--nofile=64"],
    )  # fmt: skip


def few_processes(folder: Path) -> Faulty | str:
    """Enough processes for a sweep with few workers. Threads count too, and all else that the user runs."""
    if os.getuid() == 0:
        # The limit doesn't bind root, so another user does it, who runs nothing else.
        user = next(n for n in range(61_000, 62_000) if not processes_of(n))
        before = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *ANY_FILE]
        limit = 24
        os.chown(folder, user, user)
        folder.chmod(0o755)
    else:
        before, limit = [], processes_of(os.getuid()) + 40
    before = [*before, "prlimit", f"--nproc={limit}"]
    return permitted([*before, sys.executable, "-c", ""]) or start(
        folder, "--family", "torch_dataloader", "--num-workers", "0,2,64", "--batch-size", "64",
        "--epochs", "1", before=before, environment={"HOME": str(folder)},
        # In a namespace of its own, in which it has mounts, a user has other processes.
        shm="1g" if os.getuid() == 0 else None,
    )  # fmt: skip


def processes_of(user: int) -> int:
    """How many processes and threads a user has."""
    count = 0
    for process in psutil.process_iter():
        try:
            if process.uids().real == user:
                count += process.num_threads()
        except psutil.Error:
            continue
    return count


def damaged_pictures(folder: Path) -> Faulty | str:
    """Long enough to damage a file that the sweep has made before it is read."""
    return start(
        folder, "--family", "image_folder,tensor_slice", "--num-workers", "0", "--batch-size", "64",
        "--epochs", "150",
    )  # fmt: skip


def damage(faulty: Faulty) -> None:
    """Write over one of the PNG files, which by its size and time is still what was made."""
    (raw,) = faulty.wait_until(lambda: list(faulty.folder.glob("data/*/FashionMNIST/raw")))
    # The folder appears whole, under this name.
    pictures = faulty.wait_until(lambda: list((raw / "converted" / "train").glob("image_folder-*/*/*.png")))
    status = pictures[0].stat()
    pictures[0].write_bytes(bytes(status.st_size))
    os.utime(pictures[0], ns=(status.st_atime_ns, status.st_mtime_ns))


# Who is sent what, by the prefetch factor of the configuration that it befalls.
STRUCK = {
    "2": ("worker", signal.SIGKILL),
    "3": ("worker", signal.SIGSEGV),
    "4": ("trial", signal.SIGKILL),
    "5": ("trial", signal.SIGSEGV),
    "6": ("worker", signal.SIGSTOP),
}
TIMEOUT_S = 12


def struck(folder: Path) -> Faulty | str:
    """Long enough to send a signal to a process of each configuration."""
    return start(
        folder, "--family", "torch_dataloader,tensor_slice", "--num-workers", "1", "--prefetch-factor",
        ",".join(STRUCK), "--persistent-workers", "on", "--multiprocessing-context", "fork",
        "--batch-size", "2500", "--epochs", "60", "--timeout", str(TIMEOUT_S), samples=10_000,
    )  # fmt: skip


def strike(faulty: Faulty) -> None:
    """Send them, to each configuration once it has a row."""
    left = dict(STRUCK)
    while left:
        due = faulty.wait_until(lambda: {row["prefetch_factor"] for row in faulty.measured()} & {*left})
        whom, number = left.pop(due.pop())
        trial = timed_trial(faulty.running)
        victim = trial if whom == "trial" else trial.children()[0]
        victim.send_signal(number)


def timed_trial(running: RealSweep) -> psutil.Process:
    """The process that is measured now: the first of those that the server forked; the audit's is younger."""
    alike = [
        process for process in running.alive() if "forkserver import main" in " ".join(process.cmdline())
    ]
    server = min(alike, key=age)
    return min(server.children(), key=age)


def age(process: psutil.Process) -> tuple[float, int]:
    """In which order processes were started; ids tell it within a tick of the clock."""
    return process.create_time(), process.pid


@pytest.fixture(scope="module")
def sweeps() -> Iterator[dict[str, Callable[[], Faulty]]]:
    """All of them side by side: most of their time is that of starting and waiting."""
    befalling = {damaged_pictures: damage, struck: strike}
    found: dict[str, Callable[[], Faulty]] = {}
    with ExitStack() as stack:
        # pytest's own folders are open to one user alone.
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="faults-")))
        folder.chmod(0o755)
        pool = stack.enter_context(ThreadPoolExecutor())
        for begin in (few_processes, full_shm, few_files, damaged_pictures, struck):
            own = folder / begin.__name__
            own.mkdir()
            faulty = begin(own)
            if isinstance(faulty, str):
                found[begin.__name__] = partial(pytest.skip, faulty)
                continue
            stack.enter_context(faulty.running)
            if begin is few_processes and os.getuid() != 0:
                # The others' processes would count.
                faulty.running.process.wait(PATIENCE_S)
            befallen = pool.submit(befalling.get(begin, Faulty.measured), faulty)
            found[begin.__name__] = partial(after, befallen, faulty)
        yield found


def after(befallen: Future[object], faulty: Faulty) -> Faulty:
    """That sweep, once what befalls it has."""
    befallen.result()
    return faulty


@pytest.fixture
def faulty(request, sweeps) -> Faulty:
    """The sweep that the test asks for."""
    return sweeps[request.param.__name__]()


def of(begin) -> pytest.MarkDecorator:
    """Asks for that sweep."""
    return pytest.mark.parametrize("faulty", [begin], indirect=True, ids=[begin.__name__])


@of(full_shm)
def test_a_full_shm(faulty) -> None:
    """Workers fail of it, at their start or at their first batch; without workers there is no need of it."""
    ends = outcomes(faulty.runs, "family", "num_workers")
    for workers in ("2", "64"):
        status, error = ends["torch_dataloader", workers]
        # Before torch 2.10 a worker is killed by SIGBUS of it.
        assert status == "failed"
        assert "/dev/shm is full" in error.partition("(docker: --shm-size")[0]
    # Where a thread of a worker fails, the trial hangs, and tells why only in what it printed.
    assert all("/dev/shm is full" in ends["batched_dataloader", workers][1] for workers in ("2", "64"))
    assert {ends[family, "0"] for family in ("torch_dataloader", "batched_dataloader")} == {("ok", "")}


@of(few_files)
def test_too_many_open_files(faulty) -> None:
    """A trial's workers need more than there may be; the sweep itself, and few workers, don't."""
    ends = outcomes(faulty.runs, "num_workers")
    status, error = ends["48",]
    assert status == "failed"
    assert error.startswith("too many open files: raise the limit (ulimit -n 4096) or use fewer workers")
    assert ends["0",] == ends["2",] == ("ok", "")


@of(few_processes)
def test_too_many_processes(faulty) -> None:
    """A trial fails amid starting its workers, and those that were there already end too."""
    ends = outcomes(faulty.runs, "num_workers")
    status, error = ends["64",]
    assert status == "failed"
    assert error.removeprefix("perhaps ").startswith("too many processes")
    assert "raise the limit (ulimit -u" in error
    assert ends["0",] == ends["2",] == ("ok", "")


@of(damaged_pictures)
def test_a_damaged_picture(faulty) -> None:
    """It fails the loader that reads it, which is told what makes it anew."""
    ends = outcomes(faulty.runs, "family")
    status, error = ends["image_folder",]
    assert status == "failed"
    assert error.startswith("a picture can't be decoded: start the sweep again")
    assert ends["tensor_slice",] == ("ok", "")


MEANS = {
    signal.SIGKILL: "perhaps by the system for lack of memory",
    signal.SIGSEGV: "a fault in native code",
}


@of(struck)
@pytest.mark.parametrize("factor", [factor for factor, (_, number) in STRUCK.items() if number in MEANS])
def test_a_process_that_is_killed(faulty, factor) -> None:
    """Its signal is named, and what that can mean."""
    whom, number = STRUCK[factor]
    status, error = outcomes(faulty.runs, "prefetch_factor")[factor,]
    assert status == "failed"
    # Seldom a worker dies amid handing over a batch: then what is seen is the broken connection.
    unseen = whom == "worker" and error.startswith("perhaps a DataLoader worker ended early: see trials.log")
    name = {"worker": "a DataLoader worker", "trial": "the trial's process"}[whom]
    assert unseen or error.startswith(f"{name} was killed by {number.name}: {MEANS[number]}")


@of(struck)
def test_a_worker_that_stops(faulty) -> None:
    """It isn't dead, so that only the deadline ends the trial, with all its processes."""
    end = outcomes(faulty.runs, "prefetch_factor")["6",]
    assert end == ("timeout", f"not done after {TIMEOUT_S} s")


@of(struck)
def test_what_nobody_struck_is_measured(faulty) -> None:
    """All of its epochs."""
    runs = faulty.runs[(faulty.runs["family"] == "tensor_slice") & (faulty.runs["attempt"] == 0)]
    assert list(runs["status"]) == ["ok"] * 60
