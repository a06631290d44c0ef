"""Known errors: texts of errors with their causes and cures."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass

LESS_LOAD = "use fewer workers, smaller batches or a smaller prefetch factor"
LESS_MEMORY = f"{LESS_LOAD}, or add memory"
MORE_SHM = f"give it more room (docker: --shm-size=1g) or {LESS_LOAD}"
MORE_PROCESSES = "raise the limit (ulimit -u, or a container's: docker --pids-limit) or use fewer workers"
BLOCKING = "CUDA_LAUNCH_BLOCKING=1 shows where"


@dataclass(frozen=True)
class KnownError:
    """A cause of failure and the texts that tell it.

    Attributes:
        cause: the cause, in a few words.
        cure: the cure, in a few words.
        patterns: regular expressions; one that an error's text contains is enough.
        sure: whether such a text has no other cause.
    """

    cause: str
    cure: str
    patterns: tuple[str, ...]
    sure: bool = True

    def fits(self, text: str) -> bool:
        """Return whether an error's text tells this cause."""
        return any(re.search(pattern, text) for pattern in self.patterns)


# The first that fits counts, so the longer patterns come first.
KNOWN_ERRORS = (
    KnownError("out of memory", LESS_MEMORY, ("^out of memory: ",)),
    KnownError(
        "out of memory, or of mappings",
        f"{LESS_MEMORY}; or raise vm.max_map_count",
        (r"unable to mmap \d+ bytes from file </torch_.*Cannot allocate memory",),
    ),
    KnownError(
        "/dev/shm is full",
        MORE_SHM,
        (
            # From torch 2.10 on. Its first versions name another error there than "No space left".
            r"unable to allocate shared memory\(shm\)",
            r"</torch_\w+>.*No space left on device",
            r"No space left on device.*'/dev/shm/",
            # The semaphores of workers' queues are files there too.
            r"No space left on device.*\((synchronize|shared_memory)\.py:\d+ in ",
        ),
    ),
    KnownError(
        "/dev/shm can't be used",
        "mount a tmpfs there that can be written, or use num_workers=0",
        (
            # In this order: missing, not allowed, read-only, no semaphores in this system.
            r"\[Errno (2|13|30|38)\].*\(synchronize\.py:\d+ in __init__[,)]",
            r"unable to open shared memory object </torch_.*\((13|30)\)",
        ),
    ),
    KnownError(
        "files in /dev/shm were removed during the run",
        "set RemoveIPC=no in logind.conf, if systemd removed them at a logout",
        (
            r"could not unlink the shared memory file",
            r"\[Errno 2\].*\(synchronize\.py:\d+ in __setstate__",
        ),
    ),
    KnownError("the disk is full", "delete files there", (r"No space left on device.*: '/",)),
    KnownError("the disk or /dev/shm is full", "delete files there", (r"No space left on device",)),
    KnownError("the disk quota is used up", "delete files there", (r"Disk quota exceeded",)),
    KnownError(
        "too many open files in the whole system",
        "raise fs.file-max, or end the programs that hold them",
        (r"Too many open files in system",),
    ),
    KnownError(
        "too many open files",
        "raise the limit (ulimit -n 4096) or use fewer workers",
        # The second text: a worker sent a file, and this process could open no more.
        (r"Too many open files", r"received \d+ items of ancdata"),
    ),
    KnownError(
        "too many processes",
        MORE_PROCESSES,
        (r"\[Errno (11|35)\] Resource temporarily unavailable.*\((popen_\w+|forkserver|subprocess)\.py:",),
    ),
    KnownError(
        "too many processes and threads",
        MORE_PROCESSES,
        (r"can't start new thread", r"Thread creation failed", r"pthread_create failed", r"OMP: Error #34"),
        # Another cause is too little memory for a thread's stack.
        sure=False,
    ),
    KnownError(
        "CUDA out of memory",
        "use smaller batches, or end other programs on the GPU",
        (r"CUDA out of memory", r"CUDA error: out of memory", r"CUDA_ERROR_OUT_OF_MEMORY"),
    ),
    KnownError(
        "out of memory",
        LESS_MEMORY,
        (
            r"\b_?(Array)?MemoryError\b",
            r"Cannot allocate memory",
            r"DefaultCPUAllocator: (can't allocate|not enough) memory",
            r"std::bad_alloc|bad allocation",
        ),
    ),
    KnownError(
        "no NVIDIA driver is found",
        "install one, or start the container with its GPUs (docker: --gpus all)",
        (r"Found no NVIDIA driver", r"Torch not compiled with CUDA enabled"),
    ),
    KnownError(
        "no GPU is visible",
        "check CUDA_VISIBLE_DEVICES, or start the container with its GPUs (docker: --gpus all)",
        (r"No CUDA GPUs are available", r"CUDA error: no CUDA-capable device is detected"),
    ),
    KnownError(
        "the NVIDIA driver is too old for this PyTorch",
        "update the driver, or install a PyTorch built for an older CUDA",
        (r"NVIDIA driver on your system is too old", r"CUDA driver version is insufficient"),
    ),
    KnownError(
        "this PyTorch is not built for this GPU",
        "install a build for it from pytorch.org",
        (r"no kernel image is available for execution on the device",),
    ),
    KnownError(
        "a forked worker used CUDA",
        "use multiprocessing_context=spawn, or keep CUDA out of the dataset",
        (r"Cannot re-initialize CUDA in forked subprocess",),
    ),
    KnownError(
        "a kernel on the GPU found a wrong value",
        f"check that every label is a class; {BLOCKING}",
        (r"device-side assert triggered",),
    ),
    KnownError(
        "a kernel on the GPU crashed",
        f"the kernel or the GPU is faulty; {BLOCKING}",
        (
            r"CUDA error: unspecified launch failure",
            r"CUDA error: an illegal (memory access|instruction) was encountered",
            r"CUDA error: misaligned address",
        ),
    ),
    KnownError(
        "the GPU can't be used",
        "it may be broken, or another process may hold it; see nvidia-smi and dmesg",
        (
            r"CUDA-capable device\(s\) is/are busy or unavailable",
            r"uncorrectable ECC error",
            r"CUDA error: (hardware stack error|unknown error|device.* lost)",
            r"GPU is lost",
            r"CUDA unknown error",
        ),
    ),
    KnownError(
        "a picture can't be decoded",
        "start the sweep again: it checks its files and replaces damaged ones",
        (
            r"cannot identify image file",
            r"image file is truncated",
            r"broken (data stream|PNG file)",
            r"Truncated File Read",
            r"Unsupported image file|input image is corrupted|Expected a non empty file",
        ),
    ),
)

NATIVE = "a fault in native code, perhaps a library's; see trials.log"
ASKED = "a user or the system asked it to end"
CURES = {
    "SIGKILL": f"perhaps by the system for lack of memory; {LESS_MEMORY}",
    "SIGBUS": f"perhaps /dev/shm is full, {MORE_SHM}; or a mapped file was truncated",
    "SIGILL": "a library may be built for another processor",
    **dict.fromkeys(("SIGSEGV", "SIGABRT", "SIGFPE", "SIGTRAP", "SIGSYS"), NATIVE),
    **dict.fromkeys(("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"), ASKED),
}


def _make_deaths() -> Iterable[KnownError]:
    """Yield each signal as the death of a worker and of the trial's process."""
    for number in signal.Signals:
        # Windows has console events among the signals.
        if number <= 0:
            continue
        cure = CURES.get(number.name, "see trials.log")
        # PyTorch names a signal as the system's library does.
        words = re.escape(signal.strsignal(number) or number.name)
        worker = rf"DataLoader worker \(pid \d+\) is killed by signal: {words}\."
        yield KnownError(f"a DataLoader worker was killed by {number.name}", cure, (worker,))
        trial = f"the trial's process was killed by {number.name}"
        yield KnownError(trial, cure, (rf"{trial}\b",))


DEATHS = tuple(_make_deaths())

# Deaths that leave no signal behind.
UNSEEN = (
    KnownError(
        "the server that trials are forked from has ended",
        "raise the limits of processes and open files (ulimit -u, ulimit -n), or add memory",
        (r"\b(EOFError|ConnectionRefusedError|ConnectionResetError|BrokenPipeError):.*\(forkserver\.py:",),
    ),
    KnownError(
        "a DataLoader worker ended early",
        "see trials.log",
        (r"DataLoader worker \(pid.*\) exited unexpectedly",),
    ),
    KnownError(
        # Its last batch can't be fetched from it any more.
        "a DataLoader worker ended early",
        "see trials.log",
        (
            r"\b(ConnectionResetError|ConnectionRefusedError|FileNotFoundError|EOFError):"
            r".*\((connection|resource_sharer)\.py:\d+ in ",
        ),
        sure=False,
    ),
)
