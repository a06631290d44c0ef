"""RingLoader: the validity of batches, its threads, its errors, and both kinds of ring."""

from __future__ import annotations

import gc
import inspect
import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from loaders.data.rows import Rows
from loaders.native import Native, native
from loaders.ring import ring_loader
from loaders.ring.native_ring import NativeRing
from loaders.ring.ring_loader import RingLoader, idle_cores
from loaders.ring.torch_ring import TorchRing
from tests.fakes import label_of, numbered_source, numbers_of

SAMPLES, BATCH = 2050, 256


@pytest.fixture(params=["native", "torch"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two rings in turn."""
    if request.param == "torch":
        monkeypatch.setattr(ring_loader, "native", lambda: Native(None, "not for this test"))
    elif native().library is None:
        pytest.skip(f"ring.c isn't compiled here: {native().problem}")
    return request.param


def loader(samples: int = SAMPLES, side: int = 28, **arguments) -> RingLoader:
    source = numbered_source(samples, side)
    return RingLoader(Rows(source.images, source.labels), **{"batch_size": BATCH, "threads": 0, **arguments})


def numbers(batches) -> list[int]:
    return torch.cat([numbers_of(images) for images, _ in batches]).tolist()


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_a_batch_is_valid_until_the_second_one_after_it_is_requested(make: str, threads: int) -> None:
    """Batches n and n+1 are unchanged until batch n+2 is requested; some older ones change."""
    kept = []
    for images, labels in loader(threads=threads):
        kept.append((images, images.clone(), labels, labels.clone()))
        if threads:
            time.sleep(0.002)  # time for threads to load ahead as far as they may
        for images, known_images, labels, known_labels in kept[-2:]:
            assert torch.equal(images, known_images)
            assert torch.equal(labels, known_labels)
    assert any(not torch.equal(images, known) for images, known, _, _ in kept[:-2])


@pytest.mark.parametrize("batch_size", [7, 100, 256, 1000, SAMPLES])
@pytest.mark.parametrize(("threads", "prefetch"), [(0, 1), (1, 1), (2, 9)])
def test_the_rule_holds_for_every_batch_size(make: str, batch_size: int, threads: int, prefetch: int) -> None:
    """It holds for chunks of several batches, and for a batch of all samples."""
    before = None
    seen = []
    for images, labels in loader(batch_size=batch_size, threads=threads, prefetch=prefetch):
        if before is not None:
            assert torch.equal(numbers_of(before[0]), before[1])
        before = images, numbers_of(images)
        assert torch.equal(labels, label_of(before[1]))
        seen += before[1].tolist()
    assert sorted(seen) == list(range(SAMPLES))


def test_copies_stay_valid(make: str) -> None:
    """They stay valid into the next epoch."""
    copying = loader(copy=True, threads=1)
    kept = [(images, images.clone()) for images, _ in itertools.chain(copying, copying)]
    assert all(torch.equal(images, known) for images, known in kept)
    assert len({images.data_ptr() for images, _ in kept}) == len(kept)


def test_autograd_notices_an_overwritten_batch(make: str) -> None:
    """A graph over more batches than stay valid raises, instead of training on the wrong pictures."""
    weight = torch.zeros(28 * 28, 10, requires_grad=True)
    total = torch.zeros(())
    for images, _ in loader():
        total = total + (images.flatten(1) @ weight).sum()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_autograd_notices_overwritten_labels(make: str) -> None:
    """A loss keeps its targets, so overwritten labels raise, too."""
    outputs = torch.zeros(BATCH, 10, requires_grad=True)
    batches = iter(loader())
    total = torch.nn.functional.cross_entropy(outputs, next(batches)[1])
    for _ in range(3):
        next(batches)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


@pytest.mark.parametrize("threads", [0, 2])
def test_autograd_accepts_valid_batches(make: str, threads: int) -> None:
    """A step for each batch, and a graph over two batches, raise nothing."""
    weight = torch.zeros(28 * 28, 10, requires_grad=True)
    before = torch.zeros(())
    for images, _ in loader(threads=threads):
        outputs = (images.flatten(1) @ weight).sum()
        (before + outputs).backward()
        before = (images.flatten(1) @ weight).mean()
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0


def test_two_epochs_at_once(make: str) -> None:
    """Each iterator has a ring of its own."""
    both = loader(threads=1)
    first, second = [], []
    for one, other in zip(both, both, strict=True):
        first += numbers([one])
        second += numbers([other])
    assert sorted(first) == sorted(second) == list(range(SAMPLES))
    assert first != second


@pytest.mark.parametrize("threads", [0, 2])
def test_an_epoch_that_is_left_early(make: str, threads: int) -> None:
    """Its threads end, and the next epoch is whole."""
    leaving = loader(threads=threads)
    before = threading.enumerate()
    batches = iter(leaving)
    next(batches)
    del batches
    gc.collect()
    assert set(threading.enumerate()) <= set(before)
    assert sorted(numbers((i.clone(), None) for i, _ in leaving)) == list(range(SAMPLES))


def test_a_program_may_end_in_the_middle_of_an_epoch() -> None:
    """Its helper threads delay nothing and print nothing."""
    # Three times, in processes that needn't import torch again.
    program = (
        "import os, sys, torch; from loaders.ring import RingLoader, Rows\n"
        "for _ in range(3):\n"
        "    child = os.fork()\n"
        "    if not child: break\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
        "if child: sys.exit()\n"
        "rows = Rows(torch.zeros(50000, 28, 28, dtype=torch.uint8), torch.zeros(50000, dtype=torch.int64))\n"
        "batches = iter(RingLoader(rows, batch_size=64, threads=3, prefetch=64)); next(batches)"
    )
    # numpy has threads, of which a fork warns.
    command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", program]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [b"0"] * 3, b"")


@pytest.mark.parametrize("side", [1, 5, 14, 27, 29, 64, 100])
@pytest.mark.parametrize("shape", [(28, 28), (9, 31)])
def test_resize_is_torchs_own(make: str, side: int, shape: tuple[int, int]) -> None:
    """Results are within 1e-5, for smaller and larger sides and pictures that are not square."""
    images = torch.randint(0, 256, (40, *shape), dtype=torch.uint8)
    rows = Rows(images, torch.arange(40))
    got = torch.cat(
        [b.clone() for b, _ in RingLoader(rows, batch_size=16, resize=side, shuffle=False, threads=1)]
    )
    reference = torch.nn.functional.interpolate(
        images[:, None] / 255, (side, side), mode="bilinear", antialias=True
    )
    assert (got - reference).abs().max() < 1e-5
    assert got.max() <= 1


def test_the_compiled_ring_is_preferred() -> None:
    """The compiled ring is used if there is a compiler."""
    expected = NativeRing if native().library else TorchRing
    assert isinstance(loader()._idle[0][1], expected)


def test_threads_on_idle_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one for each core that torch leaves free, and at most two."""
    found = {}
    for cores, torchs in itertools.product((1, 2, 4, 16), (1, 2, 15)):
        monkeypatch.setattr(ring_loader.os, "sched_getaffinity", lambda _, n=cores: range(n), raising=False)
        monkeypatch.setattr(ring_loader.torch, "get_num_threads", lambda n=torchs: n)
        found[cores, torchs] = idle_cores()
    assert [found[cores, 1] for cores in (1, 2, 4, 16)] == [0, 1, 2, 2]
    assert [found[cores, 2] for cores in (1, 2, 4, 16)] == [0, 0, 2, 2]
    assert found[16, 15] == 1


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_pinned_ring() -> None:
    """Its batches lie in page-locked memory."""
    assert all(images.is_pinned() and labels.is_pinned() for images, labels in loader(pin_memory=True))


def test_rows_larger_than_memory_are_asked_for(make: str, tmp_path: Path) -> None:
    """The epoch is the same if the system is asked to read ahead."""
    source = numbered_source(SAMPLES)
    file = tmp_path / "rows"
    file.write_bytes(source.images.numpy().tobytes())
    mapped = torch.from_numpy(np.memmap(file, np.uint8, mode="c", shape=tuple(source.images.shape)))
    asking = RingLoader(Rows(mapped, source.labels, ask=True), batch_size=BATCH, threads=1)
    assert sorted(numbers((i.clone(), None) for i, _ in asking)) == list(range(SAMPLES))


@pytest.mark.parametrize("lowest", [0, -1])
@pytest.mark.parametrize("highest", [0, 255, 256, 32_767, 32_768, 2**31 - 1, 2**31])
def test_labels_of_any_size(make: str, lowest: int, highest: int) -> None:
    """They are kept in few bytes, and arrive as int64."""
    labels = torch.tensor([lowest, highest, 1 if highest else 0, highest // 2])
    rows = Rows(torch.zeros((4, 2, 2), dtype=torch.uint8), labels)
    ((_, got),) = RingLoader(rows, batch_size=4, shuffle=False, threads=0)
    assert got.dtype == torch.int64
    assert torch.equal(got, labels)


IMAGES, LABELS = torch.zeros((4, 5, 6), dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (IMAGES.float(), LABELS, r"images: found float32 \(4, 5, 6\), expected uint8 \(N, H, W\)"),
        (IMAGES[:, None], LABELS, r"images: found uint8 \(4, 1, 5, 6\).*one grey channel"),
        (IMAGES.numpy(), LABELS, "images: found a ndarray, expected a tensor"),
        (IMAGES, LABELS.tolist(), "labels: found a list, expected a tensor"),
        (IMAGES[:0], LABELS[:0], r"none of them 0"),
        (IMAGES.transpose(1, 2), LABELS, "not contiguous"),
        (IMAGES, LABELS[:3], r"labels: found int64 \(3,\), expected whole numbers \(4,\)"),
        (IMAGES, LABELS.float(), r"labels: found float32"),
        (IMAGES.to("meta"), LABELS, "expected the CPU's memory"),
    ],
)
def test_rows_of_another_form(images: torch.Tensor, labels: torch.Tensor, says: str) -> None:
    """Rows refuses other forms before anything is read."""
    with pytest.raises(ValueError, match=says):
        Rows(images, labels)


@pytest.mark.parametrize("knob", [{"batch_size": 0}, {"threads": -1}, {"prefetch": 0}, {"resize": 0}])
def test_numbers_out_of_range(knob: dict) -> None:
    """The error names the parameter."""
    with pytest.raises(ValueError, match=f"{next(iter(knob))} is -?[01], expected [01] or more"):
        RingLoader(Rows(IMAGES, LABELS), **{"batch_size": 2, **knob})


def test_the_signature_is_the_documented_one() -> None:
    """Only the rows are positional; `help` shows the defaults."""
    signature = inspect.signature(RingLoader)
    shown = [str(parameter).replace("'", "") for parameter in signature.parameters.values()]
    assert shown == [
        "rows: Rows", "batch_size: int", "resize: int | None = None", "threads: int | None = None",
        "prefetch: int = 2", "pin_memory: bool = False", "copy: bool = False", "raw: bool = False",
        "shuffle: bool = True", "seed: int = 0",
    ]  # fmt: skip
    with pytest.raises(TypeError):
        RingLoader(Rows(IMAGES, LABELS), 2)


def test_two_loaders_are_never_equal() -> None:
    """A loader has state, so equality is identity; its repr shows no pictures."""
    rows = Rows(IMAGES, LABELS)
    one, other = (RingLoader(rows, batch_size=2, threads=0) for _ in range(2))
    assert one != other
    assert repr(one).startswith("RingLoader(batch_size=2, resize=None, threads=0")


def test_a_ring_is_no_larger_than_the_data(make: str) -> None:
    """A large batch size makes no large ring."""
    slots, _ = loader(300, batch_size=100_000, threads=1)._idle[0]
    assert slots.images.shape[:2] == (2, 300)


def test_an_error_in_a_helper_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training thread raises it instead of waiting for ever."""
    monkeypatch.setattr(ring_loader, "native", lambda: Native(None, "not for this test"))
    gather, has_failed = TorchRing._gather, threading.Event()

    def failing(self: TorchRing, numbers: torch.Tensor, out: torch.Tensor) -> None:
        if threading.current_thread() is not threading.main_thread():
            has_failed.set()
            raise MemoryError("no scratch")
        # The training thread would fill all chunks itself if the helper came late.
        assert has_failed.wait(300)
        gather(self, numbers, out)

    monkeypatch.setattr(TorchRing, "_gather", failing)
    failing_loader = loader(threads=1)
    with pytest.raises(MemoryError, match="no scratch"):
        list(failing_loader)
    monkeypatch.setattr(TorchRing, "_gather", gather)
    assert len(list(failing_loader)) == len(failing_loader)


def test_raw_pictures_are_not_resized() -> None:
    """A ring that delivers bytes has no resize."""
    with pytest.raises(ValueError, match="resize is 14 with raw pictures"):
        RingLoader(Rows(IMAGES, LABELS), batch_size=2, raw=True, resize=14)
