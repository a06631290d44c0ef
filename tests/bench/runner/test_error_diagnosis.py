"""Tests of the diagnosis, with texts that PyTorch, Python or the system wrote."""

from __future__ import annotations

import signal

import pytest

from bench.runner.error_diagnosis import LONGEST, explain_error

SHM = "/dev/shm is full: give it more room (docker: --shm-size=1g) or use fewer workers, "
FILES = "too many open files: raise the limit (ulimit -n 4096) or use fewer workers ("
PROCESSES = "too many processes: raise the limit (ulimit -u, or a container's: docker --pids-limit)"
THREADS = "perhaps too many processes and threads: raise the limit (ulimit -u, "
MEMORY = "out of memory: use fewer workers, smaller batches or a smaller prefetch factor, or add memory ("
CAUGHT = "RuntimeError: Caught RuntimeError in DataLoader worker process 0. "

# From torch 2.15 and Python 3.11, unless a comment names another version.
TEXTS = [
    # A full /dev/shm, met by the semaphores of a queue, or by a batch.
    ("OSError: [Errno 28] No space left on device (synchronize.py:57 in __init__)", SHM),
    (
        f"{CAUGHT}RuntimeError: unable to allocate shared memory(shm) for file </torch_16012_2711381923_4>: "
        "No space left on device (28) (storage.py:423 in _new_shared)",
        SHM,
    ),
    # torch 2.10 names the last error of any kind.
    (
        f"{CAUGHT}RuntimeError: unable to allocate shared memory(shm) for file </torch_12_34_0>: "
        "Resource temporarily unavailable (11) (storage.py:423 in _new_shared)",
        SHM,
    ),
    # torch before 2.10.
    ("RuntimeError: unable to write to file </torch_31911_95_6>: No space left on device (28)", SHM),
    ("OSError: [Errno 28] No space left on device: '/dev/shm/pymp-1' (tempfile.py:377 in mkdtemp)", SHM),
    ("OSError: [Errno 30] Read-only file system (synchronize.py:57 in __init__)", "/dev/shm can't be used: "),
    (
        "OSError: [Errno 30] Read-only file system (synchronize.py:57 in __init__, from train.py:9 in main)",
        "/dev/shm can't be used: ",
    ),
    (
        "FileNotFoundError: [Errno 2] No such file or directory (synchronize.py:57 in __init__)",
        "/dev/shm can't be used: mount a tmpfs there that can be written",
    ),
    (
        "RuntimeError: could not unlink the shared memory file /torch_5_6_7 : No such file or directory (2)",
        "files in /dev/shm were removed during the run: set RemoveIPC=no",
    ),
    # A full disk is told by a path.
    (
        "OSError: [Errno 28] No space left on device: '/data/cache/0.png' (Image.py:2600 in save)",
        "the disk is full: delete files there (OSError",
    ),
    (
        "OSError: [Errno 28] No space left on device (pathlib.py:1068 in write_bytes)",
        "the disk or /dev/shm is full: delete files there (OSError",
    ),
    ("OSError: [Errno 122] Disk quota exceeded: '/data/a/0.png'", "the disk quota is used up: "),
    ("OSError: [Errno 24] Too many open files (popen_fork.py:65 in _launch)", FILES),
    ("OSError: [Errno 24] Too many open files: '/dev/null' (a.py:22 in <listcomp>)", FILES),
    (
        "RuntimeError: Too many open files. Communication with the workers is no longer possible. Please "
        "increase the limit using `ulimit -n` in the shell or change the sharing strategy by calling "
        "`torch.multiprocessing.set_sharing_strategy('file_system')` at the beginning of your code "
        "(dataloader.py:1328 in _try_get_data)",
        FILES,
    ),
    (
        "RuntimeError: unable to open shared memory object </torch_19601_3947243759_4> in read-write mode: "
        "Too many open files (24) (storage.py:536 in _share_fd_cpu_)",
        FILES,
    ),
    ("RuntimeError: received 0 items of ancdata (reduction.py:164 in recvfds)", FILES),
    (
        "no process can be started: OSError: [Errno 24] Too many open files (forkserver.py:90 in "
        "connect_to_new_process)",
        FILES,
    ),
    (
        "OSError: [Errno 23] Too many open files in system: '/data/0.png'",
        "too many open files in the whole system: raise fs.file-max",
    ),
    (
        "BlockingIOError: [Errno 11] Resource temporarily unavailable (popen_fork.py:66 in _launch)",
        PROCESSES,
    ),
    ("RuntimeError: can't start new thread (threading.py:964 in start)", THREADS),
    ("MemoryError:  (a.py:11 in <lambda>)", MEMORY),
    ("MemoryError: Caught MemoryError in DataLoader worker process 1. MemoryError (a.py:18 in f)", MEMORY),
    (
        "RuntimeError: Caught MemoryError in DataLoader worker process 1. "
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8.00 PiB for an array with shape "
        "(1125899906842624,) and data type float64 (numeric.py:232 in ones)",
        MEMORY,
    ),
    (
        "RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
        "memory: you tried to allocate 1073741824 bytes. Error code 12 (Cannot allocate memory) (a.py)",
        MEMORY,
    ),
    ("OSError: [Errno 12] Cannot allocate memory (popen_fork.py:66 in _launch)", MEMORY),
    ("RuntimeError: std::bad_alloc (a.py:1 in f)", MEMORY),
    # Texts of the sweep itself.
    ("out of memory: the trial held 900 MiB in 3 processes, the limit is 800 MiB", f"{MEMORY}the trial held"),
    (
        "out of memory: the system ended a process for it; RuntimeError: DataLoader worker (pid 5) is killed "
        "by signal: Killed.  (signal_handling.py:73 in handler)",
        f"{MEMORY}the system ended a process for it; RuntimeError: DataLoader worker (pid 5) is killed",
    ),
    (
        "RuntimeError: unable to mmap 29764 bytes from file </torch_10182_3020184674_63991>: Cannot allocate "
        "memory (12)",
        "out of memory, or of mappings: ",
    ),
    (
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of "
        "79.11 GiB of which 1.05 GiB is free. (train_step.py:40 in __call__)",
        "CUDA out of memory: use smaller batches, or end other programs on the GPU (OutOfMemoryError: ",
    ),
    # torch before 2.8 calls a CUDA error RuntimeError.
    (
        "AcceleratorError: CUDA error: out of memory Compile with `TORCH_USE_CUDA_DSA` to enable device-side "
        "assertions. (_utils.py:97 in _to)",
        "CUDA out of memory: ",
    ),
    (
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and "
        "installed a driver from http://www.nvidia.com/Download/index.aspx (__init__.py:616 in _lazy_init)",
        "no NVIDIA driver is found: install one, or start the container with its GPUs (docker: --gpus all) (",
    ),
    ("RuntimeError: No CUDA GPUs are available (__init__.py:1 in f)", "no GPU is visible: check CUDA_VIS"),
    (
        "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update",
        "the NVIDIA driver is too old for this PyTorch: update the driver",
    ),
    (
        "RuntimeError: CUDA error: CUDA driver version is insufficient for CUDA runtime version Compile with",
        "the NVIDIA driver is too old for this PyTorch: update the driver",
    ),
    (
        "RuntimeError: CUDA error: no kernel image is available for execution on the device Compile with",
        "this PyTorch is not built for this GPU: install a build for it",
    ),
    (
        f"{CAUGHT}RuntimeError: Cannot re-initialize CUDA in forked subprocess. To use CUDA with "
        "multiprocessing, you must use the 'spawn' start method",
        "a forked worker used CUDA: use multiprocessing_context=spawn",
    ),
    (
        "AcceleratorError: CUDA error: device-side assert triggered Compile with `TORCH_USE_CUDA_DSA` to "
        "enable device-side assertions.",
        "a kernel on the GPU found a wrong value: check that every label is a class; CUDA_LAUNCH_BLOCKING=1",
    ),
    (
        "RuntimeError: CUDA error: unspecified launch failure Compile with `TORCH_USE_CUDA_DSA`",
        "a kernel on the GPU crashed: ",
    ),
    (
        "RuntimeError: CUDA error: an illegal memory access was encountered Compile with",
        "a kernel on the GPU crashed: ",
    ),
    (
        "RuntimeError: CUDA error: CUDA-capable device(s) is/are busy or unavailable Compile with",
        "the GPU can't be used: it may be broken, or another process may hold it",
    ),
    ("RuntimeError: CUDA error: uncorrectable ECC error encountered Compile", "the GPU can't be used: "),
    (
        "UnidentifiedImageError: Caught UnidentifiedImageError in DataLoader worker process 0. "
        "PIL.UnidentifiedImageError: cannot identify image file <_io.BufferedReader name='/data/0.png'>",
        "a picture can't be decoded: start the sweep again",
    ),
    ("OSError: image file is truncated (ImageFile.py:412 in load)", "a picture can't be decoded: "),
    (
        "RuntimeError: operator(), /__w/vision/cpu/decode_png.cpp:79, Out of bound read in decode_png. "
        "Probably, the input image is corrupted (_ops.py:1350 in __call__)",
        "a picture can't be decoded: ",
    ),
    (
        "RuntimeError: DataLoader worker (pid 19047) is killed by signal: Segmentation fault.  "
        "(signal_handling.py:73 in handler)",
        "a DataLoader worker was killed by SIGSEGV: a fault in native code",
    ),
    (
        "RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that "
        "dataloader's workers are out of shared memory. Please try to raise your shared memory limit.",
        "a DataLoader worker was killed by SIGBUS: perhaps /dev/shm is full, give it more room (docker: ",
    ),
    (
        "repeated for the audit: RuntimeError: DataLoader worker (pid 19020) is killed by signal: Killed. ",
        "a DataLoader worker was killed by SIGKILL: perhaps by the system for lack of memory; use",
    ),
    (
        "the trial's process was killed by SIGKILL",
        "the trial's process was killed by SIGKILL: perhaps by the system for lack of memory; use",
    ),
    (
        "repeated for the audit: the trial's process was killed by SIGSEGV",
        "the trial's process was killed by SIGSEGV: a fault in native code",
    ),
    (
        "RuntimeError: DataLoader worker (pid(s) 17861, 17862) exited unexpectedly (dataloader.py:1306 in "
        "_try_get_data)",
        "a DataLoader worker ended early: see trials.log (",
    ),
    (
        "no process can be started: EOFError: unexpected EOF (forkserver.py:338 in read_signed)",
        "the server that trials are forked from has ended: raise the limits of processes",
    ),
    (
        "ConnectionResetError: [Errno 104] Connection reset by peer (connection.py:395 in _recv)",
        "perhaps a DataLoader worker ended early: see trials.log (",
    ),
]


@pytest.mark.parametrize(("text", "begins"), TEXTS)
def test_the_cause_and_the_cure_come_first(text, begins) -> None:
    """The explanation is one line, not much longer than the error, whose text follows."""
    told = explain_error(text)
    assert told.startswith(begins)
    assert told.count("\n") == 0
    assert len(told) < 2 * LONGEST + len(begins)
    said = text.removeprefix(told.partition(":")[0]).removeprefix(": ")
    assert said[: LONGEST - 1] in told


UNKNOWN = [
    "RuntimeError: the disk is on fire (fakes.py:92 in misbehave)",
    "the trial's process ended with exit code 3",
    "not done after 40 s",
    "FileNotFoundError: [Errno 2] No such file or directory: '/data/0.png' (Image.py:3513 in open)",
    "BlockingIOError: [Errno 11] Resource temporarily unavailable (locks.py:5 in lock)",
    "audit: 3 of 20 samples are missing",
    "KeyError: Caught KeyError in DataLoader worker process 1. KeyError: 'x' (a.py:20 in __getitem__)",
    "",
]


@pytest.mark.parametrize("text", UNKNOWN)
def test_an_unknown_error_is_unchanged(text) -> None:
    """An unknown error gets no cause and no cure."""
    assert explain_error(text) == text
    assert explain_error(text, "a word from the loader\n") == text


SIGNALS = [number for number in signal.Signals if 0 < number < 32]


@pytest.mark.parametrize("number", SIGNALS)
def test_every_signal_is_named(number) -> None:
    """PyTorch takes a signal's description from the system's library."""
    words = signal.strsignal(number)
    told = explain_error(f"RuntimeError: DataLoader worker (pid 5) is killed by signal: {words}. ")
    assert told.startswith(f"a DataLoader worker was killed by {number.name}: ")


PRINTED = f"""--- block 0, timed: batched_dataloader device=cpu batch_size=64
Traceback (most recent call last):
  File "queues.py", line 244, in _feed
    raise RuntimeError("Too many open files")
{{}}
--- block 0, repeated for the audit: batched_dataloader device=cpu {"x" * 300}
"""


def test_printed_text_tells_why_a_trial_hangs() -> None:
    """A queue's thread in a worker only prints its error, and the batch never comes."""
    why = (
        "RuntimeError: unable to allocate shared memory(shm) for file </torch_1_2_0>: No space left on device"
    )
    told = explain_error("not done after 40 s", PRINTED.format(why))
    assert told.startswith(f"perhaps {SHM}")
    assert "(not done after 40 s; it printed: RuntimeError: unable to allocate shared memory(shm)" in told
    assert "open files" not in told


def test_printed_text_tells_how_a_worker_ended() -> None:
    """Only the exception's cause, which is printed, names the signal."""
    error = (
        "RuntimeError: DataLoader worker (pid(s) 5) exited unexpectedly (dataloader.py:1306 in _try_get_data)"
    )
    why = "RuntimeError: DataLoader worker (pid 5) is killed by signal: Killed. "
    told = explain_error(error, PRINTED.format(why))
    assert told.startswith("a DataLoader worker was killed by SIGKILL: perhaps by the system")
    assert "(RuntimeError: DataLoader worker (pid(s) 5) exited unexpectedly" in told


def test_text_printed_by_native_code_counts() -> None:
    """C++ prints its exception on an indented line, and ends the process."""
    printed = "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n"
    told = explain_error("the trial's process was killed by SIGABRT", printed)
    assert told.startswith(f"perhaps {MEMORY}the trial's process was killed by SIGABRT; it printed: ")


def test_the_error_counts_before_printed_text() -> None:
    """The trial may have survived an error that it printed."""
    told = explain_error("MemoryError:  (a.py:11 in f)", "OSError: [Errno 24] Too many open files\n")
    assert told.startswith(MEMORY)
