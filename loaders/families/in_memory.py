"""A user's own map-style dataset, decoded once, whose batches are gathered from memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch.utils.data import DataLoader
from typing_extensions import Self

from loaders.data.decoded_samples import DecodedSamples, usable_cores
from loaders.device.pipeline import Pipeline, move_to_device
from loaders.ring.in_memory_loader import InMemoryLoader
from loaders.ring.ring_loader import idle_cores
from loaders.spec.dataloader_spec import PIN_MEMORY, default_start_method
from loaders.spec.example_code import ExampleCode
from loaders.spec.knobs import knob
from loaders.spec.loader_spec import VALIDITY_COMMENT
from loaders.spec.own_loader_spec import OWN_BATCH_SIZE, OwnLoaderSpec
from loaders.spec.ring_spec import COPY, LOADER_THREADS, MOST_BESIDE_CUDA, PREFETCH_BATCHES
from loaders.spec.sample_facts import SampleFacts
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from loaders.spec.turn_knobs import copy_with

# A sweep that names no family measures this one only where decoding takes less, in seconds.
LONGEST_UNASKED_S = 30.0
# Repeats that miss a transform of one sample in twenty in 5% of cases.
ENOUGH_REPEATS = 59
# Bytes that one thread gathers in a second, and samples that it gathers at most.
GATHERED_BYTES_PER_S, MOST_PER_S = 3e9, 2e6


@dataclass(frozen=True)
class InMemory(OwnLoaderSpec):
    """An InMemoryLoader over the user's dataset: batch n is valid until batch n+2 is requested.

    The user's batch sampler and collate function are kept.

    Attributes:
        batch_size: samples in a batch; default None, the user's.
        loader_threads: threads that gather beside the training thread; default None: one for each core that
            torch leaves free, at most 2; none for batches below 400 kB.
        prefetch_batches: batches that the threads gather ahead; default 2.
        pin_memory: whether batches lie in page-locked memory; default None: if there is a CUDA device to
            feed.
        copy: whether batches have memory of their own and stay valid; default False.
    """

    batch_size: int | None = knob(OWN_BATCH_SIZE, None)
    loader_threads: int | None = knob(LOADER_THREADS, None)
    prefetch_batches: int = knob(PREFETCH_BATCHES, 2)
    pin_memory: bool | None = knob(PIN_MEMORY, None)
    copy: bool = knob(COPY, False)

    @classmethod
    def refuse(cls, facts: SourceFacts) -> str | None:
        """Return why the samples can't be kept in memory, or None if they can."""
        if facts.settings is None or facts.kind == "script":
            return "the target is no Dataset, and no DataLoader that can be set"
        if not facts.map_style:
            return "the dataset is iterable: samples have no index"
        if facts.differing:
            return facts.differing
        return None if facts.same_samples else "it isn't known whether samples are always the same"

    @classmethod
    def leave_out(cls, facts: SourceFacts) -> str | None:
        """Return why a sweep of a map-style dataset doesn't measure this family unless it is named."""
        if facts.settings is None or facts.kind == "script" or not facts.map_style:
            return None
        decoding_s = _estimate_decoding_s(facts.sample)
        if (reason := cls.refuse(facts)) is not None or decoding_s <= LONGEST_UNASKED_S:
            return reason
        return f"decoding takes about {decoding_s:,.0f} s; --family dataloader,in_memory measures it"

    @property
    def preparation_s(self) -> float:
        """About how long decoding takes on all cores, in seconds; 0 where it isn't known."""
        return _estimate_decoding_s(self.facts.sample)

    @property
    def theirs(self) -> DataLoaderSettings:
        """The settings that the user's DataLoader has."""
        return self.facts.settings or DataLoaderSettings()

    def resolve(self, *, cuda: bool = False) -> Self:
        """Return a copy with the user's batch size, and the fastest value for every other `none`."""
        threads = self.loader_threads
        if cuda and threads is None:
            # Beside a GPU, torch's own threads are mostly idle.
            threads = idle_cores(beside=1, most=MOST_BESIDE_CUDA)
        pinned = cuda and not self.copy if self.pin_memory is None else self.pin_memory
        resolved = replace(
            self,
            batch_size=self.batch_size or self.theirs.batch_size,
            loader_threads=threads,
            pin_memory=pinned,
        )
        return super(InMemory, resolved).resolve(cuda=cuda)

    def invalid(self, *, cuda: bool) -> str | None:
        """Return why these values can't be combined, or None."""
        if self.pin_memory and self.copy:
            return "pin_memory=on pins the ring, copy=on delivers none of it"
        if self.pin_memory and not cuda:
            return "pin_memory=on needs a CUDA device to feed"
        if self.batch_size not in (None, self.theirs.batch_size) and self.facts.has_own_batches:
            return "batch_size: the batches are not made by PyTorch's BatchSampler"
        return super().invalid(cuda=cuda)

    def machine_notice(self) -> str | None:
        """Return how sure it is that samples are always the same, where few were fetched again."""
        sample = self.facts.sample
        if sample is None or sample.repeats >= ENOUGH_REPEATS:
            return None
        return (
            f"samples were fetched again {sample.repeats} times only, as each takes {sample.sample_s:.2g} s. "
            f"A random transform of one in twenty would be missed in {0.95**sample.repeats:.0%} of sweeps"
        )

    def typical_samples_per_s(self) -> float:
        """Return about how many samples a second one thread gathers."""
        sample_bytes = self.facts.sample.sample_bytes if self.facts.sample else 0
        return min(MOST_PER_S, GATHERED_BYTES_PER_S / max(1, sample_bytes))

    def build(self, source: DataLoader[Any], samples: DecodedSamples | None = None) -> InMemoryLoader:
        """Return an InMemoryLoader over the user's dataset.

        Args:
            source: the user's DataLoader, made by this process.
            samples: its decoded samples; default None decodes them now.
        """
        resolved = self.resolve(cuda=bool(self.pin_memory))
        return InMemoryLoader(
            copy_with(source, replace(self.theirs, batch_size=resolved.batch_size)),
            samples=samples,
            num_workers=self.count_decoders(),
            threads=resolved.loader_threads,
            prefetch=self.prefetch_batches,
            pin_memory=bool(resolved.pin_memory),
            copy=self.copy,
        )

    def pipeline(
        self, source: DataLoader[Any], *, device: str, samples: DecodedSamples | None = None
    ) -> Pipeline:
        """Return a loader whose batches arrive on the device.

        Args:
            source: the user's DataLoader, made by this process.
            device: `cpu` or `cuda`.
            samples: its decoded samples; default None decodes them now.
        """
        loader = self.build(source, samples)
        if device == "cpu":
            return Pipeline(loader)
        return move_to_device(loader, device, self.transfer or "blocking")

    def count_decoders(self) -> int:
        """Return how many workers decode: as many as the user's DataLoader has, or one for each core."""
        method = self.theirs.multiprocessing_context or default_start_method()
        if self.facts.pickle_error and method != "fork":
            return 0
        return self.theirs.num_workers or usable_cores()

    def describe_changes(self) -> list[str]:
        """Return the arguments of InMemoryLoader that differ from its defaults, as source text."""
        resolved = self.resolve()
        values = {
            "threads": resolved.loader_threads,
            "prefetch": None if resolved.prefetch_batches == 2 else resolved.prefetch_batches,
            "pin_memory": resolved.pin_memory or None,
            "copy": self.copy or None,
        }
        return [f"{name}={value!r}" for name, value in values.items() if value is not None]

    def make_code(self, loader: str) -> list[str]:
        """Return the lines of code that make this loader.

        Args:
            loader: source text of the user's DataLoader.
        """
        code = ExampleCode("from loaders.ring import InMemoryLoader")
        if not self.copy:
            code.lines.append(VALIDITY_COMMENT)
        code.lines.append(f"loader = InMemoryLoader({', '.join([loader, *self.describe_changes()])})")
        return code.join()


def _estimate_decoding_s(sample: SampleFacts | None) -> float:
    """Return about how many seconds decoding takes on all cores."""
    if sample is None or sample.count is None:
        return 0.0
    return sample.count * sample.sample_s / usable_cores()
