"""Row: one epoch, one line of `runs.csv`. The one place that says what the columns mean.

Reading and writing rows needs neither torch nor a loader, so results can be drawn anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

SCHEMA = 6
# Columns that files of an older schema lack, by the schema that brought them.
ADDED = {
    3: ("peak_anonymous_bytes",),
    4: ("resumed_with",),
    5: ("cuda_graph", "timed_by", "gpu_utilization", "gpu_memory_bytes"),
    6: ("build_s", "between_epochs_cpu_s"),
}
# Names that schema 6 changed, the older name first.
RENAMED_COLUMNS = {
    "mixing": "shuffle_quality",
    "peak_private_bytes": "peak_anonymous_bytes",
    "threads": "loader_threads",
    "prefetch": "prefetch_batches",
}
RENAMED_CELLS = {
    "step": {"closed_form": "analytic"},
    "family": {"step_alone": "step_ceiling", "read_alone": "read_ceiling", "bus_alone": "bus_ceiling"},
}
STATUSES = ("ok", "failed", "timeout", "unavailable")

# The knob columns stand in the middle of a line: after what was measured on, before the consumer's own.
KNOBS_AFTER = "device"


def column(text: str, default: Any = None) -> Any:
    """A field of Row, and what it means."""
    return field(default=default, metadata={"text": text})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One epoch of one configuration in one block.

    An unknown is None here and an empty cell in the file, never 0.
    """

    schema: int = column("version of this list of columns", SCHEMA)
    configuration: int = column("number of the configuration in the plan of this sweep, from 0", MISSING)
    baseline: int = column("number of the configuration that this one is compared with", MISSING)
    family: str = column("loader family: the name of its file in `loaders/families/`", MISSING)
    dataset: str = column(
        "`fashion-mnist` (the published files), `idx-<first 8 of SHA-256>` (other files) or `synthetic:<N>`",
        MISSING,
    )
    device: str = column("`cpu` or `cuda`", MISSING)
    knobs: Mapping[str, str] = field(default=MISSING)
    num_threads: int = column("torch's threads in the training process", MISSING)
    step: str = column("train step: `analytic`, `autograd`, or `none` for the loader alone", MISSING)
    loss: str | None = column("loss of the train step; empty without one", None)
    cuda_graph: str = column("whether the step was captured in CUDA graphs: `on` or `off`", "off")
    block: int = column("block, from 0: each holds every configuration once, in shuffled order", MISSING)
    position: int = column("place of the trial in its block, from 0", MISSING)
    attempt: int = column("0, or 1 for the one repetition of a trial that was disturbed", 0)
    epoch: int = column("epoch in its process: 0 is cold, those after are steady", MISSING)
    timed_by: str = column(
        "`clock`, the host's; `events` in `device.csv`: `data_wait_s`, `transfer_s` and `step_s` are time "
        "on the GPU of the loader's own kernels, of the copies and of the steps, by CUDA events",
        "clock",
    )
    started_at: str | None = column("when the row's trial began, UTC, ISO 8601", None)
    samples: int | None = column("samples delivered", None)
    batches: int | None = column("batches delivered", None)
    sample_shape: str | None = column("shape of one sample as delivered, channels x height x width", None)
    dtype: str | None = column("type of the delivered pixels", None)
    wall_s: float | None = column("the whole epoch: from before `iter()` until the iterator is gone", None)
    samples_per_s: float | None = column("`samples / wall_s`", None)
    startup_s: float | None = column("in `iter(loader)`, where workers start", None)
    time_to_first_batch_s: float | None = column("from before `iter()` to the first batch", None)
    data_wait_s: float | None = column(
        "blocked in `next()`, all batches (the first wait is among them)", None
    )
    data_wait_median_s: float | None = column("median of the batches' waits", None)
    data_wait_p99_s: float | None = column("99th percentile of the batches' waits", None)
    transfer_s: float | None = column("host to device; 0 on the CPU; host time on CUDA", None)
    step_s: float | None = column(
        "in the train step; on CUDA host time, and the wait for the device at the end", None
    )
    teardown_s: float | None = column("from the last step until the iterator is gone: workers ending", None)
    train_loss: float | None = column("mean loss of the epoch's samples while training", None)
    shuffle_quality: float | None = column(
        "how well the epoch was shuffled: standard deviation of the sample numbers within a batch over that "
        "of a true shuffle; 1 is a true shuffle, near 0 the stored order or a small window",
        None,
    )
    audited_share: float | None = column(
        "share of the batches that were identified in the epoch itself, in at most 1% of its time or while "
        "it would have waited; below 1, the loader's epochs were also repeated off the clock and checked in "
        "full",
        None,
    )
    cpu_s: float | None = column("CPU seconds of the whole process tree in the epoch", None)
    build_s: float | None = column(
        "time to read the data and build the loader, before the first epoch of the trial; empty in other rows",
        None,
    )
    between_epochs_cpu_s: float | None = column(
        "CPU seconds of the whole process tree between the end of the epoch before and the start of this one; "
        "empty in the first",
        None,
    )
    processes: int | None = column(
        "most processes of the tree seen at once, the training process included", None
    )
    peak_memory_bytes: int | None = column(
        "largest memory seen of the whole process tree: the training process's resident set and what each "
        "worker holds for itself; sampled four times a second",
        None,
    )
    peak_anonymous_bytes: int | None = column(
        "the same without pages of files, which the system reads once for all and takes back when it needs "
        "the room: a mapped dataset is not in it; empty where the system doesn't tell",
        None,
    )
    other_cpu_share: float | None = column(
        "CPU time that other processes, or a hypervisor, took in the epoch, over that of all usable cores",
        None,
    )
    cpu_mhz: float | None = column("frequency of the cores, mean of readings at both ends of the epoch", None)
    throttled_count: int | None = column(
        "times that heat, or a container's quota, held the cores back in the epoch", None
    )
    gpu_mhz: float | None = column("clock of the GPU at the end of the epoch; empty on the CPU", None)
    gpu_utilization: float | None = column(
        "share of the last driver's sample period (up to a second) in which a kernel ran on the GPU, at the "
        "end of the epoch; empty on the CPU",
        None,
    )
    gpu_memory_bytes: int | None = column(
        "memory of the GPU in use at the end of the epoch, by whoever, without what the driver keeps for "
        "itself where it tells that; empty on the CPU",
        None,
    )
    disturbed: str | None = column("what disturbed the epoch from outside; empty for nothing", None)
    resumed_with: str | None = column(
        "what was other than when the sweep began, where it was resumed anyway; empty for nothing", None
    )
    status: str = column("`ok`, `failed`, `timeout` or `unavailable`", "ok")
    error: str | None = column("what went wrong, and where; empty for `ok`", None)

    def cells(self) -> dict[str, str]:
        """The row's line, cell by cell, under the names of `header`."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "knobs"}
        return {name: _cell(value) for name, value in values.items()} | dict(self.knobs)


def make_header(knobs: Iterable[str]) -> list[str]:
    """The names of the columns, with one column a knob."""
    names = list_fixed_columns()
    place = names.index(KNOBS_AFTER) + 1
    return [*names[:place], *knobs, *names[place:]]


def list_fixed_columns() -> list[str]:
    """The names of the columns that every results file has."""
    return [f.name for f in fields(Row) if f.name != "knobs"]


def list_number_columns() -> list[str]:
    """The fixed columns that hold numbers."""
    return [f.name for f in fields(Row) if str(f.type).startswith(("int", "float"))]


def describe_columns() -> dict[str, str]:
    """What each fixed column means."""
    return {f.name: f.metadata["text"] for f in fields(Row) if f.name != "knobs"}


def _cell(value: object) -> str:
    if value is None:
        return ""
    # 17 digits would write noise: a nanosecond in a day has 14.
    return f"{value:.9g}" if isinstance(value, float) else str(value)
