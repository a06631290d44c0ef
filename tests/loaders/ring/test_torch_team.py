"""torch's threads as they fill a ring: their shares, where they are used, and what a fork leaves of them."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

from loaders.data.rows import Rows
from loaders.native import Team, native, torch_team
from loaders.ring import native_ring
from loaders.ring.ring_loader import RingLoader

SAMPLES = 1000
IMAGES = torch.randint(0, 256, (SAMPLES, 9, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(SAMPLES)

pytestmark = pytest.mark.skipif(native().library is None, reason="ring.c isn't compiled here")

_Part = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_Parallel = ctypes.CFUNCTYPE(None, _Part, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
_Number = ctypes.CFUNCTYPE(ctypes.c_int)


@pytest.fixture(autouse=True)
def restored_threads() -> Iterator[None]:
    """Restore the number of torch's threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Members:
    """A team whose members work one after another, the last one first.

    Args:
        count: the number of members.

    Attributes:
        calls: how often a team's work was asked for.
        team: its functions, for ring.c.
    """

    def __init__(self, count: int) -> None:
        self.calls = self._member = 0
        self._count = count
        self._keep = _Parallel(self._run), _Number(lambda: self._member), _Number(lambda: count)
        self.team = Team(*(ctypes.cast(function, ctypes.c_void_p) for function in self._keep))

    def _run(self, part, argument, threads: int, flags: int) -> None:
        assert (threads, flags) == (0, 0)
        self.calls += 1
        for member in reversed(range(self._count)):
            self._member = member
            part(argument)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch):
    """A function that gives new rings a team of so many members."""

    def replace(count: int) -> Members:
        members = Members(count)
        monkeypatch.setattr(native_ring, "find_team", lambda: members.team)
        monkeypatch.setattr(native_ring, "has_team", lambda: True)
        return members

    return replace


def read(**arguments) -> tuple[torch.Tensor, torch.Tensor]:
    loader = RingLoader(Rows(IMAGES, LABELS), shuffle=False, copy=True, **arguments)
    images, labels = zip(*loader, strict=True)
    return torch.cat(images), torch.cat(labels)


@pytest.mark.parametrize("members", [1, 2, 3, 64])
@pytest.mark.parametrize("batch_size", [1, 300, 999])
def test_members_share_a_chunk(use, members: int, batch_size: int) -> None:
    """Each row is filled, also with more members than rows, and in the last chunk."""
    team = use(members)
    images, labels = read(batch_size=batch_size, threads=0)
    assert torch.equal(images[:, 0], IMAGES / 255)
    assert torch.equal(labels, LABELS)
    chunk = batch_size * max(1, 256 // batch_size)
    assert team.calls == -(-SAMPLES // chunk)


@pytest.mark.parametrize("arguments", [{"resize": 5}, {"raw": True}])
def test_members_do_what_one_thread_does(use, arguments: dict) -> None:
    """A resize, and raw pictures, are the same to the bit."""
    torch.set_num_threads(1)
    alone = read(batch_size=300, threads=0, **arguments)
    team = use(3)
    for part, expected in zip(read(batch_size=300, threads=0, **arguments), alone, strict=True):
        assert torch.equal(part, expected)
    assert team.calls


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("helpers", [0, 1])
def test_torchs_own_threads(threads: int, helpers: int) -> None:
    """They fill each row in many epochs, also beside a thread of the ring and between operations of torch."""
    torch.set_num_threads(threads)
    loader = RingLoader(Rows(IMAGES, LABELS), batch_size=70, threads=helpers)
    for _ in range(20):
        for images, labels in loader:
            assert torch.equal(images[:, 0], IMAGES[labels] / 255)


@pytest.mark.skipif("linux" not in sys.platform, reason="torch's OpenMP library has other functions here")
def test_torchs_threads_are_found() -> None:
    """They are used where torch has several, and only there."""
    assert torch_team.find_team().parallel
    for threads, several in ((1, False), (2, True)):
        torch.set_num_threads(threads)
        assert torch_team.has_team() is several


def test_without_torchs_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training thread fills alone where torch's OpenMP library lacks a function."""
    torch.set_num_threads(2)
    torch_team.find_team.cache_clear()
    monkeypatch.setattr(torch_team, "_FUNCTIONS", ("no_such_function", *torch_team._FUNCTIONS[1:]))
    try:
        assert not torch_team.find_team().parallel
        assert not torch_team.has_team()
        images, labels = read(batch_size=300, threads=0)
    finally:
        torch_team.find_team.cache_clear()
    assert torch.equal(images[:, 0], IMAGES[labels] / 255)


@pytest.mark.skipif("linux" not in sys.platform, reason="forks a process that has threads")
def test_a_forked_process_fills_alone() -> None:
    """It has none of its parent's threads, and waits for none."""
    program = (
        "import os, torch; from loaders.ring import RingLoader, Rows; torch.set_num_threads(2)\n"
        "rows = Rows(torch.zeros(900, 4, 4, dtype=torch.uint8), torch.zeros(900, dtype=torch.int64))\n"
        "loader = RingLoader(rows, batch_size=300, threads=0); assert len(list(loader)) == 3\n"
        "child = os.fork()\n"
        "if not child: os._exit(len(list(loader)))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=300, check=False)
    assert done.stdout.strip() == b"3", done.stderr
