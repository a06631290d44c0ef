"""Row: one epoch, one line of `runs.csv`, and the meaning of its columns.

Reading and writing rows needs neither torch nor a loader, so results can be drawn anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

SCHEMA = 8

# The columns of the loader's knobs stand after this one.
KNOBS_AFTER = "device"


def column(text: str, default: Any = None) -> Any:
    """Return a field of Row with its meaning, as results/README.md prints it."""
    return field(default=default, metadata={"text": text})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One epoch of one configuration in one block.

    An unknown is None here and an empty cell in the file, never 0. The text of each field says what it means.
    """

    schema: int = column("version of this list of columns", SCHEMA)
    configuration: int = column("number of the configuration in the plan of this sweep, from 0", MISSING)
    baseline: int = column("number of the configuration that this one is compared with", MISSING)
    family: str = column("loader family: the name of its file in `loaders/families/`", MISSING)
    dataset: str = column(
        "`fashion-mnist` (the published files), `idx-<first 8 of SHA-256>` (other files), "
        "`synthetic:<N>`, or the target or script as it was given",
        MISSING,
    )
    device: str = column("device that trains: `cpu` or `cuda`", MISSING)
    knobs: Mapping[str, str] = field(default=MISSING)
    num_threads: int = column("torch's threads in the training process", MISSING)
    step: str = column(
        "train step: `analytic`, `autograd`, the target's step as it was given, `<N>ms` for a wait, `script` "
        "for a script's own loop, or `none` for the loader alone",
        MISSING,
    )
    loss: str | None = column("loss of the train step; empty without one", None)
    cuda_graph: str = column("whether CUDA graphs hold the step: `on` or `off`", "off")
    block: int = column("block, from 0; each holds every configuration once, in shuffled order", MISSING)
    position: int = column("place of the trial in its block, from 0", MISSING)
    attempt: int = column("0, or 1 for the one repetition of a disturbed trial", 0)
    epoch: int = column("epoch in its process; 0 is cold, the others are steady", MISSING)
    timed_by: str = column(
        "`clock` for the host's clock; `events` in `device.csv`, for CUDA events: there `data_wait_s`, "
        "`transfer_s` and `step_s` are GPU time of the loader's own kernels, of the copies and of the steps",
        "clock",
    )
    started_at: str | None = column("start of the trial, UTC, ISO 8601", None)
    samples: int | None = column("samples delivered", None)
    batches: int | None = column("batches delivered", None)
    sample_shape: str | None = column("shape of one delivered sample, channels x height x width", None)
    dtype: str | None = column("type of the delivered pixels", None)
    wall_s: float | None = column("whole epoch, from before `iter(loader)` until the iterator is gone", None)
    samples_per_s: float | None = column("`samples / wall_s`", None)
    startup_s: float | None = column("time in `iter(loader)`, where workers start", None)
    time_to_first_batch_s: float | None = column("from before `iter(loader)` to the first batch", None)
    data_wait_s: float | None = column("time blocked in `next()`, all batches, the first included", None)
    data_wait_median_s: float | None = column("median of the batches' waits", None)
    data_wait_p99_s: float | None = column("99th percentile of the batches' waits", None)
    transfer_s: float | None = column("copies from host to device: 0 on the CPU, host time on CUDA", None)
    step_s: float | None = column(
        "train steps; on CUDA host time, with the wait for the device at the end of the epoch", None
    )
    teardown_s: float | None = column("from the last step until the iterator is gone; workers end here", None)
    late_s: float | None = column(
        "waits, copies and steps of the second half of the batches (of an odd number the larger half), in "
        "which the batches that workers had loaded at the start are gone",
        None,
    )
    train_loss: float | None = column("mean loss of the epoch's samples while training", None)
    shuffle_quality: float | None = column(
        "standard deviation of the sample numbers within a batch, over that of a true shuffle; 1 is a true "
        "shuffle, near 0 the stored order or a small window",
        None,
    )
    audit: str | None = column(
        "how samples were checked: by `content` (what each holds), by `index` (each that was asked for, and "
        "as many delivered), or by `count` (samples and batches); empty where nothing was",
        None,
    )
    audited_share: float | None = column(
        "share of the batches that were checked so. Fashion-MNIST: in the epoch itself; below 1, the "
        "loader's epochs were also repeated off the clock and checked in full. Others by content: in the "
        "repetition of the first three epochs of a trial",
        None,
    )
    cpu_s: float | None = column("CPU seconds of the whole process tree in the epoch", None)
    build_s: float | None = column(
        "time to read the data and build the loader, before the trial's first epoch; empty in other rows",
        None,
    )
    between_epochs_cpu_s: float | None = column(
        "CPU seconds of the process tree from the end of the previous epoch to the start of this one, "
        "without the main thread, in which the harness works; empty in the trial's first row",
        None,
    )
    processes: int | None = column(
        "most processes of the tree at one time, the training process included", None
    )
    peak_memory_bytes: int | None = column(
        "most memory of the process tree: the resident set of the training process in the epoch, and the "
        "memory that its workers have to themselves, which is read as the loader is repeated for the audit",
        None,
    )
    peak_anonymous_bytes: int | None = column(
        "most anonymous memory of the process tree: `peak_memory_bytes` without pages of files, such as a "
        "mapped dataset; empty where the system doesn't tell",
        None,
    )
    other_cpu_share: float | None = column(
        "CPU time that other processes or a hypervisor took in the epoch, over that of all usable cores",
        None,
    )
    cpu_mhz: float | None = column("frequency of the cores, mean of readings at both ends of the epoch", None)
    throttled_count: int | None = column(
        "times that heat or a container's quota slowed the cores down in the epoch", None
    )
    gpu_mhz: float | None = column("clock of the GPU at the end of the epoch; empty on the CPU", None)
    gpu_utilization: float | None = column(
        "share of the driver's last sample period (up to a second) in which a kernel ran on the GPU, at the "
        "end of the epoch; empty on the CPU",
        None,
    )
    gpu_memory_bytes: int | None = column(
        "memory of the GPU in use by any process at the end of the epoch, without the driver's own where it "
        "tells that; empty on the CPU",
        None,
    )
    disturbed: str | None = column("disturbances from outside in the epoch; empty for none", None)
    resumed_with: str | None = column(
        "differences from the start of the sweep, where it was resumed in spite of them; empty for none", None
    )
    status: str = column("`ok`, `failed`, `timeout` or `unavailable`", "ok")
    error: str | None = column("error and its place; empty for `ok`", None)

    def cells(self) -> dict[str, str]:
        """Return the cells of the row's line, by the names of their columns."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "knobs"}
        return {name: _format_cell(value) for name, value in values.items()} | dict(self.knobs)


def make_header(knobs: Iterable[str]) -> list[str]:
    """Return the names of all columns of a file, with one column a knob."""
    names = list_fixed_columns()
    place = names.index(KNOBS_AFTER) + 1
    return [*names[:place], *knobs, *names[place:]]


def find_knobs(header: Sequence[str]) -> list[str]:
    """Return the knobs among the names of all columns of a file."""
    names = list_fixed_columns()
    after = names[names.index(KNOBS_AFTER) + 1]
    return list(header[header.index(KNOBS_AFTER) + 1 : header.index(after)])


def list_fixed_columns() -> list[str]:
    """Return the names of the columns that every file of rows has."""
    return [f.name for f in fields(Row) if f.name != "knobs"]


def list_number_columns() -> list[str]:
    """Return the names of the fixed columns that hold numbers."""
    return [f.name for f in fields(Row) if str(f.type).startswith(("int", "float"))]


def list_whole_columns() -> list[str]:
    """Return the names of the fixed columns that hold a whole number in every row."""
    return [f.name for f in fields(Row) if f.type == "int"]


def describe_columns() -> dict[str, str]:
    """Return the meaning of each fixed column, by its name."""
    return {f.name: f.metadata["text"] for f in fields(Row) if f.name != "knobs"}


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    # 17 digits would write noise: a nanosecond in a day has 14.
    return f"{value:.9g}" if isinstance(value, float) else str(value)
