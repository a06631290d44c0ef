"""The tracer of workers: what a system tells of a thread, and datasets that can't be looked into."""

from __future__ import annotations

import pytest
from torch.utils.data import DataLoader, Dataset

from bench.probes.loader_trace import trace_loader
from bench.probes.worker_tracer import UNKNOWN, CoreDelay
from bench.trial.measure import measure_epoch
from loaders.device.pipeline import Pipeline


@pytest.mark.parametrize(
    ("text", "delay_ns"), [("120 45 7\n", 45), ("0 0 1\n", UNKNOWN), ("", UNKNOWN), (None, UNKNOWN)]
)
def test_time_without_a_core(tmp_path, text, delay_ns) -> None:
    """It is unknown where the system shows zeros, or nothing."""
    if text is not None:
        (tmp_path / "schedstat").write_text(text)
    assert CoreDelay(str(tmp_path / "schedstat")).read_ns() == delay_ns


class Nested(Dataset):
    """A dataset that loads from a DataLoader of its own, and whose attributes can't be read."""

    def __init__(self) -> None:
        self.transform = Unreadable()

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return sum(DataLoader(range(index + 2))).item()


class Unreadable:
    def __call__(self, value):
        return value

    @property
    def __dict__(self):
        raise RuntimeError("not for you")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_dataset_that_cannot_be_looked_into(workers) -> None:
    """It is traced without its transforms; what it loads itself isn't mistaken for its own batches."""
    method = "fork" if workers else None
    loader = DataLoader(Nested(), 2, num_workers=workers, multiprocessing_context=method)
    with trace_loader(loader) as traced:
        trace = traced.collect(measure_epoch(Pipeline(loader), len), 0)
    assert trace.is_inside_known
    assert trace.batches == 2
    assert trace.transforms == ()
