"""The families of users' own loaders: what they have is the baseline, and only knobs change it."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, TensorDataset

from loaders.device import nested_prefetcher
from loaders.device import pipeline as pipeline_module
from loaders.device.nested_prefetcher import NestedPrefetcher
from loaders.device.pipeline import move_to_device
from loaders.families.dataloader import OwnDataLoader
from loaders.families.iterable import OwnIterable
from loaders.registry import own_families
from loaders.spec.dataloader_spec import default_start_method
from loaders.spec.knob_set import KnobSet
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from loaders.spec.turn_knobs import can_resize, read_settings
from tests.loaders.late_device import LateDevice
from tests.loaders.strict_loader import StrictLoader

NUMBERS = TensorDataset(torch.arange(20))
PLAIN = DataLoaderSettings(4)
BUSY = DataLoaderSettings(4, 3, True, 5, True, "spawn", False)
FACTS = SourceFacts("dataloader", PLAIN, map_style=True)
ITERABLE = SourceFacts("iterable", None)
METHODS = multiprocessing.get_all_start_methods()


def spec_of(settings: DataLoaderSettings, **knobs: object) -> OwnDataLoader:
    return OwnDataLoader(facts=replace(FACTS, settings=settings), **knobs)


def settings_of(spec: OwnDataLoader, *, cuda: bool = False) -> DataLoaderSettings:
    resolved = spec.resolve(cuda=cuda)
    return DataLoaderSettings(
        **{name: getattr(resolved, name) for name in DataLoaderSettings.__dataclass_fields__}
    )


def test_a_family_serves_what_it_can() -> None:
    """A dataset and a DataLoader have knobs, another iterable is measured as it is."""
    dataset = SourceFacts("dataset", DataLoaderSettings())
    served = {
        facts.kind: {
            name for name in ("dataloader", "iterable") if own_families()[name].refuse(facts) is None
        }
        for facts in (FACTS, dataset, ITERABLE)
    }
    assert served == {"dataloader": {"dataloader"}, "dataset": {"dataloader"}, "iterable": {"iterable"}}
    assert OwnDataLoader.refuse(ITERABLE) == "the target is no Dataset, and no DataLoader that can be set"
    assert OwnIterable.refuse(FACTS) == "the target's own knobs are those of a DataLoader"


def test_a_dataset_has_pytorchs_defaults() -> None:
    """They are the baseline."""
    assert settings_of(spec_of(DataLoaderSettings())) == read_settings(DataLoader(NUMBERS))


@pytest.mark.parametrize("settings", [PLAIN, BUSY, DataLoaderSettings(None, 2, False, 2, False, "fork")])
def test_the_baseline_is_what_they_have(settings) -> None:
    """Without a GPU, memory isn't pinned, whatever they ask for: PyTorch does so, too."""
    assert settings_of(spec_of(settings), cuda=True) == settings
    assert settings_of(spec_of(settings)) == replace(settings, pin_memory=False)


def test_workers_get_what_pytorch_and_this_python_take() -> None:
    """Where the user's loader has no workers, it says nothing of them."""
    expected = DataLoaderSettings(4, 2, False, 2, False, default_start_method())
    assert settings_of(spec_of(PLAIN, num_workers=2)) == expected


def test_what_needs_workers_goes_with_them() -> None:
    """A loader of theirs with persistent workers can be measured without workers."""
    assert settings_of(spec_of(BUSY, num_workers=0), cuda=True) == DataLoaderSettings(4, pin_memory=True)


def test_one_knob_leaves_the_others() -> None:
    """As they have them."""
    assert settings_of(spec_of(BUSY, num_workers=1), cuda=True) == replace(BUSY, num_workers=1)
    assert settings_of(spec_of(BUSY, prefetch_factor=9), cuda=True) == replace(BUSY, prefetch_factor=9)
    assert settings_of(spec_of(BUSY, in_order=True), cuda=True) == replace(BUSY, in_order=True)
    assert settings_of(spec_of(BUSY, persistent_workers=False), cuda=True) == replace(
        BUSY, persistent_workers=False
    )


@pytest.mark.parametrize("settings", [PLAIN, BUSY])
def test_a_resolved_spec_stays_as_it_is(settings) -> None:
    """Or a resumed sweep would measure another one."""
    for cuda in (False, True):
        resolved = spec_of(settings).resolve(cuda=cuda)
        assert resolved.resolve(cuda=cuda) == resolved
        assert resolved.invalid(cuda=cuda) is None


@pytest.mark.parametrize(
    ("settings", "knobs", "reason"),
    [
        (PLAIN, {"prefetch_factor": 4}, "prefetch_factor=4 needs workers, num_workers is 0"),
        (PLAIN, {"persistent_workers": True}, "persistent_workers=on needs workers, num_workers is 0"),
        (
            PLAIN,
            {"multiprocessing_context": "spawn"},
            "multiprocessing_context=spawn needs workers, num_work",
        ),
        (PLAIN, {"in_order": False}, "in_order=off needs workers, num_workers is 0"),
        (BUSY, {"num_workers": 0, "prefetch_factor": 4}, "prefetch_factor=4 needs workers"),
        (
            BUSY,
            {"multiprocessing_context": "thread"},
            "multiprocessing_context=thread does not exist on this",
        ),
        (PLAIN, {"pin_memory": True}, "pin_memory=on needs a CUDA device to feed"),
        (PLAIN, {"transfer": "blocking"}, "transfer=blocking needs a CUDA device to feed"),
    ],
)
def test_what_cannot_be_combined_is_told(settings, knobs, reason) -> None:
    """With the values that contradict each other."""
    assert str(spec_of(settings, **knobs).invalid(cuda=False)).startswith(reason)


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"num_workers": 2, "prefetch_factor": 4},
        {"persistent_workers": False, "in_order": True},
        {"batch_size": 9},
    ],
)
def test_what_can_be_combined(knobs) -> None:
    assert spec_of(PLAIN, **knobs).invalid(cuda=False) is None
    assert (
        spec_of(BUSY, **{**knobs, "pin_memory": True, "transfer": "non_blocking"}).invalid(cuda=True) is None
    )


def test_batches_of_any_form_are_copied_ahead(monkeypatch) -> None:
    """The user's DataLoader and any other iterable, in memory of their own."""
    monkeypatch.setattr(nested_prefetcher, "CudaDevice", lambda name: LateDevice())
    loader = DataLoader(NUMBERS, 4)
    for spec, source in ((spec_of(PLAIN, transfer="prefetch"), loader), (OwnIterable(ITERABLE), [*loader])):
        ahead = replace(spec, transfer="prefetch")
        assert ahead.invalid(cuda=True) is None
        pipeline = ahead.resolve(cuda=True).pipeline(source, device="cuda")
        assert isinstance(pipeline.loader, NestedPrefetcher)
        assert pipeline.transfer is None
        assert not pipeline.static_addresses
        assert len(pipeline) == len(list(pipeline)) == 5
    assert pipeline.host_loader is source
    assert list(pipeline.with_host_loader([])) == []
    assert pipeline.host_loader is source


def test_a_ring_of_the_users_own_is_not_overwritten_too_early(monkeypatch) -> None:
    """A loader that says that it uses its buffers again is asked only once they are copied."""
    monkeypatch.setattr(nested_prefetcher, "CudaDevice", lambda name: LateDevice())
    monkeypatch.setattr(pipeline_module, "CudaDevice", lambda name: LateDevice())
    ring = StrictLoader([4] * 6)
    ring.reuses_buffers = True
    for transfer in ("blocking", "non_blocking", "prefetch"):
        moved = move_to_device(ring, "cpu", transfer)
        host = moved.loader if transfer == "prefetch" else moved.transfer
        guard = host._reuses_buffers if transfer == "prefetch" else host._record is not None
        assert guard == (transfer != "blocking")


def test_the_batch_size_of_batches_of_their_own_stays() -> None:
    """Only the size that they have is allowed."""
    facts = replace(FACTS, has_own_batches=True)
    assert OwnDataLoader(facts=facts, batch_size=4).invalid(cuda=False) is None
    assert OwnDataLoader(facts=facts, batch_size=5).invalid(cuda=False) == (
        "batch_size: the batches are not made by PyTorch's BatchSampler"
    )


@pytest.mark.parametrize("method", METHODS)
def test_workers_that_need_a_pickle_are_unavailable_without_one(method) -> None:
    """Forked ones need none, and a loader without workers neither."""
    facts = replace(FACTS, pickle_error="dataset: TypeError: cannot pickle a lock")
    spec = OwnDataLoader(facts=facts, num_workers=1, multiprocessing_context=method)
    expected = None
    if method != "fork":
        expected = f"workers by {method} get the DataLoader's parts pickled: {facts.pickle_error}"
    assert spec.unavailable() == expected
    assert OwnDataLoader(facts=facts, num_workers=0).unavailable() is None
    assert spec_of(BUSY).unavailable() is None


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(NUMBERS, 4, shuffle=True, drop_last=True),
        DataLoader(NUMBERS, batch_sampler=BatchSampler(SequentialSampler(NUMBERS), 6, True)),
        DataLoader(NUMBERS, batch_sampler=[[0, 1], [2]]),
        DataLoader(NUMBERS, None),
        DataLoader(NUMBERS, 5, num_workers=2, prefetch_factor=3, timeout=9, multiprocessing_context="spawn"),
    ],
)
def test_a_loader_is_built_over_theirs(loader) -> None:
    """The baseline has their settings, another configuration its own."""
    theirs = read_settings(loader)
    facts = SourceFacts("dataloader", theirs, map_style=True, has_own_batches=not can_resize(loader))
    base = OwnDataLoader(facts=facts).resolve()
    assert read_settings(base.build(loader)) == theirs
    varied = base.with_knobs({"num_workers": 3, "multiprocessing_context": "fork", "prefetch_factor": 7})
    built = varied.resolve().build(loader)
    assert read_settings(built) == replace(
        theirs, num_workers=3, multiprocessing_context="fork", prefetch_factor=7
    )
    assert built.dataset is loader.dataset
    assert read_settings(loader) == theirs


def test_batches_arrive_on_the_device() -> None:
    """On a CPU they stay where they are."""
    spec = spec_of(PLAIN).resolve()
    pipeline = spec.pipeline(DataLoader(NUMBERS, 4), device="cpu")
    assert pipeline.transfer is None
    moved = spec.pipeline(DataLoader(NUMBERS, 4), device="meta")
    assert {batch[0].device.type for batch in moved} == {"meta"}


@pytest.mark.parametrize(("pin_memory", "transfer"), [(True, "non_blocking"), (False, "blocking")])
def test_pinned_batches_are_copied_without_blocking(pin_memory, transfer) -> None:
    """As the tutorials have it."""
    spec = spec_of(replace(PLAIN, pin_memory=pin_memory))
    assert spec.resolve(cuda=True).transfer == transfer
    assert spec.resolve(cuda=False).transfer is None
    assert replace(spec, transfer="blocking").resolve(cuda=True).transfer == "blocking"


def test_parameters_of_the_function_are_knobs() -> None:
    """Their columns begin with `param.`, as one may bear the name of a knob."""
    spec = OwnDataLoader(facts=FACTS, params=(("size", 128), ("num_workers", 1)))
    varied = spec.with_knobs({"param.size": 224, "num_workers": 2})
    assert varied.params == (("size", 224), ("num_workers", 1))
    assert varied.num_workers == 2
    knobs = varied.knobs()
    assert (knobs["param.size"], knobs["param.num_workers"], knobs["num_workers"]) == (224, 1, 2)


def test_changes_are_told_as_source_text() -> None:
    """None for the baseline; what follows from the number of workers isn't told."""
    assert spec_of(PLAIN).describe_changes() == []
    assert spec_of(BUSY).resolve().describe_changes() == []
    assert spec_of(PLAIN, num_workers=2).describe_changes() == ["num_workers=2"]
    assert spec_of(PLAIN, num_workers=2, prefetch_factor=4, persistent_workers=True).describe_changes() == [
        "num_workers=2",
        "prefetch_factor=4",
        "persistent_workers=True",
    ]
    assert spec_of(BUSY, batch_size=8).describe_changes() == ["batch_size=8"]
    params = (("size", "small"),)
    assert replace(spec_of(PLAIN), params=params).describe_changes() == ["size='small'"]


def test_an_iterable_is_measured_as_it_is() -> None:
    """Its parameters are its only knobs."""
    source = [torch.zeros(2)]
    spec = OwnIterable(facts=ITERABLE, params=(("size", 2),))
    assert spec.build(source) is source
    assert spec.knobs() == {"transfer": None, "param.size": 2}
    assert spec.describe_changes() == ["size=2"]
    assert spec.invalid(cuda=False) is None
    assert spec.unavailable() is None
    assert next(iter(spec.pipeline(source, device="meta"))).device.type == "meta"


@pytest.mark.parametrize("family", own_families().values())
def test_a_family_of_own_loaders_is_a_set_of_knobs(family) -> None:
    """Nobody knows how fast an own loader is: the duration of a plan is a guess."""
    spec: KnobSet = family(facts=FACTS)
    assert spec.family in own_families()
    assert spec.typical_samples_per_s() > 0


def test_a_parameter_changes_what_they_have() -> None:
    """The settings are those that the function gives its DataLoader with these arguments."""
    few, many = ((("size", 4),), FACTS), ((("size", 8),), replace(FACTS, settings=DataLoaderSettings(8)))
    spec = OwnDataLoader(facts=FACTS, params=few[0], variants=(few, many))
    other = spec.with_knobs({"param.size": 8, "num_workers": 2})
    assert other.resolve().batch_size == 8
    assert other.with_knobs({"param.size": 4}).resolve().batch_size == 4
