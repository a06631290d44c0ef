"""Known errors: the causes that an error text can tell, and what helps."""

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
    """A cause, what helps, and what an error's text says then: regular expressions, any of which is enough.

    sure: whether that text has no other cause.
    """

    cause: str
    cure: str
    patterns: tuple[str, ...]
    sure: bool = True

    def fits(self, text: str) -> bool:
        """Whether the text says that it is this one."""
        return any(re.search(pattern, text) for pattern in self.patterns)


# The first that fits counts: what is told by more words stands before what is told by fewer.
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
            # From torch 2.10 on; the first of them name some other error there than "No space left".
            r"unable to allocate shared memory\(shm\)",
            r"</torch_\w+>.*No space left on device",
            r"No space left on device.*'/dev/shm/",
            # Semaphores and queues of workers lie there too.
            r"No space left on device.*\((synchronize|shared_memory)\.py:\d+ in ",
        ),
    ),
    KnownError(
        "/dev/shm can't be used",
        "workers need one that can be written: mount a tmpfs there, or use num_workers=0",
        (
            # Missing, not allowed, read-only, and no semaphores in this system at all.
            r"\[Errno (2|13|30|38)\].*\(synchronize\.py:\d+ in __init__\)",
            r"unable to open shared memory object </torch_.*\((13|30)\)",
        ),
    ),
    KnownError(
        "files of /dev/shm were removed in mid-run",
        "perhaps by systemd at a logout, which RemoveIPC=no in logind.conf prevents",
        (
            r"could not unlink the shared memory file",
            r"\[Errno 2\].*\(synchronize\.py:\d+ in __setstate__",
        ),
    ),
    KnownError("the disk is full", "make room there", (r"No space left on device.*: '/",)),
    KnownError("the disk or /dev/shm is full", "make room there", (r"No space left on device",)),
    KnownError("the disk quota is used up", "make room there", (r"Disk quota exceeded",)),
    KnownError(
        "too many open files in the whole system",
        "raise fs.file-max or end what holds them",
        (r"Too many open files in system",),
    ),
    KnownError(
        "too many open files",
        "raise the limit (ulimit -n 4096) or use fewer workers",
        # The last: a file was handed over, and dropped since there was no room for one more.
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
        # Or there is no room for another one's stack.
        sure=False,
    ),
    KnownError(
        "CUDA out of memory",
        "use smaller batches, or end what else uses the GPU",
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
        "install it, or start the container with its GPUs (docker: --gpus all)",
        (r"Found no NVIDIA driver", r"Torch not compiled with CUDA enabled"),
    ),
    KnownError(
        "no GPU is visible",
        "look at CUDA_VISIBLE_DEVICES, or start the container with its GPUs (docker: --gpus all)",
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
        f"perhaps a label that is no class; {BLOCKING}",
        (r"device-side assert triggered",),
    ),
    KnownError(
        "a kernel on the GPU crashed",
        f"a fault in it, or in the GPU; {BLOCKING}",
        (
            r"CUDA error: unspecified launch failure",
            r"CUDA error: an illegal (memory access|instruction) was encountered",
            r"CUDA error: misaligned address",
        ),
    ),
    KnownError(
        "the GPU can't be used",
        "perhaps it is broken or another process has it for itself; nvidia-smi and dmesg may tell",
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
        "start the sweep again, which checks its files and makes damaged ones anew",
        (
            r"cannot identify image file",
            r"image file is truncated",
            r"broken (data stream|PNG file)",
            r"Truncated File Read",
            r"Unsupported image file|input image is corrupted|Expected a non empty file",
        ),
    ),
)

NATIVE = "a fault in native code, perhaps a library's; trials.log may tell more"
ASKED = "somebody or the system asked it to end"
SENT = {
    "SIGKILL": f"perhaps by the system, which ran out of memory; {LESS_MEMORY}",
    "SIGBUS": f"perhaps /dev/shm is full, {MORE_SHM}; or a file was cut short while it was mapped",
    "SIGILL": "perhaps a library is built for another processor",
    **dict.fromkeys(("SIGSEGV", "SIGABRT", "SIGFPE", "SIGTRAP", "SIGSYS"), NATIVE),
    **dict.fromkeys(("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"), ASKED),
}


def _deaths() -> Iterable[KnownError]:
    for number in signal.Signals:
        # On Windows there are events among them.
        if number <= 0:
            continue
        cure = SENT.get(number.name, "trials.log may tell more")
        # PyTorch calls a signal what the system's own library does.
        words = re.escape(signal.strsignal(number) or number.name)
        worker = rf"DataLoader worker \(pid \d+\) is killed by signal: {words}\."
        yield KnownError(f"a DataLoader worker was killed by {number.name}", cure, (worker,))
        trial = f"the trial's process was killed by {number.name}"
        yield KnownError(trial, cure, (rf"{trial}\b",))


DEATHS = tuple(_deaths())

# What is left to say of a death that nobody saw.
UNSEEN = (
    KnownError(
        "the server that trials are forked from has ended",
        "perhaps there are too many processes or open files (ulimit -u, ulimit -n), or memory ran out",
        (r"\b(EOFError|ConnectionRefusedError|ConnectionResetError|BrokenPipeError):.*\(forkserver\.py:",),
    ),
    KnownError(
        "a DataLoader worker ended early",
        "trials.log may tell why",
        (r"DataLoader worker \(pid.*\) exited unexpectedly",),
    ),
    KnownError(
        # What it had sent can't be fetched from it any more.
        "a DataLoader worker ended early",
        "trials.log may tell why",
        (
            r"\b(ConnectionResetError|ConnectionRefusedError|FileNotFoundError|EOFError):"
            r".*\((connection|resource_sharer)\.py:\d+ in ",
        ),
        sure=False,
    ),
)
