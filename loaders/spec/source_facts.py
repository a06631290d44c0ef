"""SourceFacts: what is known of a user's own loader or dataset before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loaders.spec.epoch_contents import EpochContents
from loaders.spec.loader_call import LoaderCall
from loaders.spec.sample_facts import SampleFacts

Kind = Literal["dataloader", "dataset", "iterable", "script"]


@dataclass(frozen=True)
class DataLoaderSettings:
    """Settings of a DataLoader, under PyTorch's names.

    Attributes:
        batch_size: samples in a batch; None where the batches come from elsewhere.
        num_workers: worker processes.
        pin_memory: whether batches lie in page-locked memory.
        prefetch_factor: batches that each worker loads ahead; None without workers.
        persistent_workers: whether workers stay between epochs.
        multiprocessing_context: start method of workers; None for this Python's default.
        in_order: whether batches come in the sampler's order.
    """

    batch_size: int | None = 1
    num_workers: int = 0
    pin_memory: bool = False
    prefetch_factor: int | None = None
    persistent_workers: bool = False
    multiprocessing_context: str | None = None
    in_order: bool = True


@dataclass(frozen=True)
class SourceFacts:
    """Facts of a user's own loader or dataset, known before anything is measured.

    Attributes:
        kind: what the target is: a DataLoader, a Dataset, another iterable of batches, or a script.
        settings: settings of the DataLoader, or PyTorch's defaults for a Dataset; None for another iterable.
        map_style: whether samples are asked for by index.
        samples: samples in an epoch; None where it isn't known.
        batches: batches in an epoch; None where it isn't known.
        has_own_batches: whether the batches are put together by something else than PyTorch's BatchSampler,
            so that `batch_size` can't be varied.
        batch_samples: samples in the first batch.
        batch_bytes: bytes of the first batch.
        same_samples: whether the same index gives the same sample each time; None where it isn't known.
        differing: why samples can't be kept in memory, such as `samples differ in shape`; empty if they can.
        pickle_error: why the dataset or a function can't be sent to workers that aren't forked; empty
            if they can.
        one_shot: whether it delivers a single epoch, as a generator does.
        sample: what is known of a map-style dataset's samples; None where nothing is.
        alone: what an epoch delivers without workers, for an iterable dataset; None where it isn't known.
        repeats: where a dataset's random numbers are the same: in all `workers`, or in all `epochs` of a
            worker, or both; empty where they differ, or where that isn't known.
        fetches_batches: whether the dataset has `__getitems__`, which fetches the samples of a batch at once.
        pickled_bytes: bytes that a worker which isn't forked gets pickled; None where it isn't known.
        object_bytes: about how many bytes the dataset's Python objects take, without the content of arrays;
            None where it isn't known.
        loader_call: call in the user's file that made the DataLoader; None where it isn't known, or where a
            library made it.
    """

    kind: Kind
    settings: DataLoaderSettings | None
    map_style: bool = False
    samples: int | None = None
    batches: int | None = None
    has_own_batches: bool = False
    batch_samples: int = 0
    batch_bytes: int = 0
    same_samples: bool | None = None
    differing: str = ""
    pickle_error: str = ""
    one_shot: bool = False
    sample: SampleFacts | None = None
    alone: EpochContents | None = None
    repeats: Literal["", "workers", "epochs", "workers and epochs"] = ""
    fetches_batches: bool = False
    pickled_bytes: int | None = None
    object_bytes: int | None = None
    loader_call: LoaderCall | None = None
