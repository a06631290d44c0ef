"""Search spaces of requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.plan.axes import SpaceFacts, list_thread_counts, list_worker_counts
from bench.plan.configuration import Configuration
from bench.plan.grid import Machine, make_plan
from bench.plan.offer import Offer
from bench.plan.plan import PlanError
from bench.plan.request import Request
from bench.plan.search_space import SearchSpace, make_space, request_present
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from loaders.families.iterable import OwnIterable
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts

TWO_CORES = SpaceFacts(cores=2.0, cuda=False, num_threads=2)
WAITING = SpaceFacts(cores=2.0, cuda=False, num_threads=2, waiting=0.9)
CUDA = SpaceFacts(cores=16.0, cuda=True, num_threads=8)
OWN = SourceFacts("dataloader", DataLoaderSettings(8, num_workers=3, prefetch_factor=2), map_style=True)


def own_offer(facts: SourceFacts = OWN, left_out: str = "") -> Offer:
    specs = {"dataloader": OwnDataLoader(facts=facts), "in_memory": InMemory(facts=facts)}
    return Offer(specs, "dataloader", {}, {"in_memory": left_out} if left_out else {})


def find_present(request: Request, offer: Offer, facts: SpaceFacts = TWO_CORES) -> Configuration:
    machine = Machine(cuda=facts.cuda, num_threads=facts.num_threads)
    return make_plan(request_present(request, offer), machine, offer).configurations[0]


def space(request: Request, offer: Offer, facts: SpaceFacts = TWO_CORES) -> SearchSpace:
    return make_space(request, offer, find_present(request, offer, facts), facts)


def values(found: SearchSpace, knob: str, family: str = "") -> set[Any]:
    specs = [one.spec for one in found.configurations if family in ("", one.spec.family)]
    return {spec.knobs().get(knob) for spec in specs}


@pytest.mark.parametrize(
    ("present", "facts", "expected"),
    [
        (4, TWO_CORES, [0, 1, 2, 3, 4]),
        (0, TWO_CORES, [0, 1, 2]),
        (0, WAITING, [0, 1, 2, 4, 8, 16]),
        (1, SpaceFacts(cores=0.5, cuda=False, num_threads=1), [0, 1]),
        (0, SpaceFacts(cores=64.0, cuda=False, num_threads=32), [0, 1, 2, 4, 8, 16, 32, 64]),
        (8, SpaceFacts(cores=96.0, cuda=False, num_threads=48, waiting=1.0), None),
    ],
)
def test_workers_go_downwards_and_beyond_the_cores_only_for_waiting(
    present: int, facts: SpaceFacts, expected: list[int] | None
) -> None:
    """Few cores are listed one by one, many geometrically, and no number is above what the option takes."""
    found = list_worker_counts(present, facts)
    assert {0, present, max(0, present - 1)} <= set(found)
    assert found == expected if expected else (len(found) <= 12 and max(found) == 256)


def test_the_present_configuration_comes_first_and_no_one_twice() -> None:
    """The baseline is what the user has, also where the values that are tried are others."""
    found = space(Request(knobs={"num_workers": (0, 1)}, single=True), own_offer())
    first = found.configurations[0]
    assert first.spec.knobs()["num_workers"] == 3
    assert values(found, "num_workers", "dataloader") == {0, 1, 3}
    assert len({str(one) for one in found.configurations}) == len(found.configurations)
    assert all(one.invalid() is None for one in found.configurations)


def test_knobs_of_workers_are_varied_beside_workers_only() -> None:
    """Without workers there is one configuration of the loader for each number of threads."""
    found = space(Request(step=("none",), single=True), own_offer())
    without = [one for one in found.configurations if one.spec.knobs().get("num_workers") == 0]
    assert len(without) == 1
    assert values(found, "prefetch_factor", "dataloader") == {None, 2, 4}
    assert values(found, "persistent_workers", "dataloader") == {False, True}


def test_what_changes_the_training_stays() -> None:
    """Batch size, order and size of pictures have the present value in each family."""
    found = space(Request(single=True), Offer.for_pictures())
    assert values(found, "batch_size") == {256}
    assert values(found, "resize") == {None}
    assert values(found, "in_order") <= {True, None}
    assert values(found, "copy") <= {False, None}
    assert "batch_size" not in found.axes
    assert {one.comparison for one in found.configurations} == {found.configurations[0].comparison}


def test_a_batch_size_that_is_asked_for_is_everyones() -> None:
    """One value of what changes the training is the present configuration's, too; of several, its own is."""
    one = space(Request(knobs={"batch_size": (64,)}, single=True), Offer.for_pictures())
    assert values(one, "batch_size") == {64}
    several = space(Request(knobs={"batch_size": (64, 256)}, single=True), Offer.for_pictures())
    assert values(several, "batch_size") == {64, 256}
    assert several.configurations[0].spec.knobs()["batch_size"] == 256


def test_pictures_have_their_families() -> None:
    """Each family that shuffles fully is tried, the present one first; the others are named."""
    found = space(Request(single=True), Offer.for_pictures())
    families = list(dict.fromkeys(one.spec.family for one in found.configurations))
    assert families[0] == "torch_dataloader"
    assert {"batched_dataloader", "tensor_slice", "memory_map"} <= set(families)
    assert "stream" not in families
    assert "device_resident" not in families
    assert "changes the training" in found.left_out["stream"]
    assert values(found, "loader_threads", "tensor_slice") == {0, 1, 2}
    named = space(Request(family=("stream",), single=True), Offer.for_pictures())
    assert {one.spec.family for one in named.configurations} == {"stream"}


def test_samples_in_memory_are_tried_unless_they_are_left_out() -> None:
    """The reason why a family isn't tried is kept for the report."""
    assert "in_memory" in space(Request(single=True), own_offer()).axes["family"]
    found = space(Request(single=True), own_offer(left_out="decoding takes about 99 s"))
    assert {one.spec.family for one in found.configurations} == {"dataloader"}
    assert found.left_out == {"in_memory": "decoding takes about 99 s"}
    asked = space(
        Request(family=("in_memory",), single=True), own_offer(left_out="decoding takes about 99 s")
    )
    assert asked.configurations[0].spec.family == "dataloader"
    assert {one.spec.family for one in asked.configurations[1:]} == {"in_memory"}


def test_threads_of_torch_are_varied_where_a_step_trains_on_the_cpu() -> None:
    """A step that only takes time uses no threads."""
    facts = SpaceFacts(cores=8.0, cuda=False, num_threads=8)
    present = find_present(Request(single=True), Offer.for_pictures(), facts)
    assert list_thread_counts(present, facts) == (8, 1, 4, 7)
    for step in ("none", "12ms"):
        present = find_present(Request(step=(step,), single=True), own_offer(), facts)
        assert list_thread_counts(present, facts) == (8,)
    trained = find_present(Request(step=("train.py:make_step",), single=True), own_offer(), TWO_CORES)
    assert list_thread_counts(trained, TWO_CORES) == (2, 1)
    found = space(Request(num_threads=(1, 3), single=True), own_offer())
    assert {one.num_threads for one in found.configurations} == {1, 2, 3}


def test_pinning_and_transfer_are_varied_on_cuda_alone() -> None:
    """Without a CUDA device there is no page-locked memory; with one, workers aren't forked anew."""
    assert values(space(Request(single=True), own_offer()), "pin_memory") == {False}
    found = space(Request(single=True), own_offer(), CUDA)
    assert values(found, "pin_memory", "dataloader") == {False, True}
    assert values(found, "transfer", "dataloader") == {"blocking", "non_blocking", "prefetch"}
    pictures = space(Request(single=True), Offer.for_pictures(), CUDA)
    assert "prefetch" in values(pictures, "transfer", "torch_dataloader")


def test_pictures_on_a_gpu_are_tuned_with_all_that_a_gpu_offers() -> None:
    """The dataset on the device, rings with and without page-locked memory, and graphs on request."""
    found = space(Request(single=True), Offer.for_pictures(), CUDA)
    families = {one.spec.family for one in found.configurations}
    assert families == {
        "torch_dataloader", "batched_dataloader", "device_resident", "memory_map", "tensor_slice",
    }  # fmt: skip
    assert values(found, "transfer", "tensor_slice") == {"prefetch"}
    assert values(found, "pin_memory", "tensor_slice") == {False, True}
    assert values(found, "loader_threads", "tensor_slice") == {0, 1, 2, 4}
    assert {one.cuda_graph for one in found.configurations} == {False}
    assert {one.num_threads for one in found.configurations} == {8}
    graphs = space(Request(single=True, cuda_graph=(False, True)), Offer.for_pictures(), CUDA)
    assert {one.cuda_graph for one in graphs.configurations} == {False, True}


def test_a_dataset_that_cannot_be_pickled_is_only_forked() -> None:
    """What can't run here is left out, and said."""
    settings = DataLoaderSettings(8, num_workers=1, multiprocessing_context="fork")
    facts = SourceFacts("dataloader", settings, map_style=True, pickle_error="it has a lambda")
    request = Request(knobs={"multiprocessing_context": ("fork", "spawn")}, single=True)
    found = space(request, own_offer(facts))
    assert values(found, "multiprocessing_context", "dataloader") == {None, "fork"}
    assert any("it has a lambda" in reason for reason in found.left_out.values())


def test_waiting_asks_for_a_longer_queue() -> None:
    """Eight batches a worker are tried where the loading waits."""
    assert 8 in values(space(Request(single=True), own_offer(), WAITING), "prefetch_factor")
    assert "16" in space(Request(single=True), own_offer(), WAITING).axes["num_workers"]


def test_parameters_multiply() -> None:
    """Values of a parameter of the target's function are multiplied with the knobs; the first is present."""
    variants = tuple((((("size", size),)), OWN) for size in (64, 32))
    spec = OwnDataLoader(facts=OWN, params=(("size", 64),), variants=variants)
    offer = Offer({"dataloader": spec}, "dataloader", {})
    found = space(Request(knobs={"param.size": (64, 32), "num_workers": (0, 1)}, single=True), offer)
    assert found.configurations[0].spec.knobs()["param.size"] == 64
    assert found.axes["param.size"] == ("32", "64")
    halves = [one.spec.knobs()["param.size"] for one in found.configurations[1:]]
    assert halves.count(32) > 1


def test_a_script_has_the_knobs_of_its_own_dataloader() -> None:
    """No other family, and no transfer of ours."""
    facts = SourceFacts("script", DataLoaderSettings(8), map_style=True, samples=64, batches=8)
    offer = Offer({"dataloader": OwnDataLoader(facts=facts)}, "dataloader", {"in_memory": "a script"})
    found = space(Request(step=("script",), single=True), offer, CUDA)
    assert values(found, "transfer") == {None}
    assert {one.spec.family for one in found.configurations} == {"dataloader"}


def test_nothing_to_tune_is_one_line() -> None:
    """A loader without knobs and without a step leaves nothing to choose."""
    facts = SourceFacts("iterable", None)
    offer = Offer({"iterable": OwnIterable(facts=facts)}, "iterable", {"dataloader": "it is an iterable"})
    with pytest.raises(PlanError, match="nothing to tune: there is only iterable"):
        space(Request(step=("none",), single=True), offer)
    with pytest.raises(PlanError, match="--num-workers: no knob of iterable"):
        request_present(Request(knobs={"num_workers": (0, 1)}, single=True), offer)
    with pytest.raises(PlanError, match="it is an iterable"):
        request_present(Request(family=("dataloader",), single=True), offer)


def test_no_workers_are_one_configuration_whatever_values_of_workers_are_named() -> None:
    """Start methods, queues and staying need workers."""
    knobs = {"num_workers": (0, 1), "multiprocessing_context": ("fork", "spawn"), "prefetch_factor": (4, 8)}
    found = space(Request(knobs=knobs, step=("none",), single=True), own_offer())
    alone = [one.spec.knobs() for one in found.configurations if one.spec.knobs().get("num_workers") == 0]
    assert [(one["multiprocessing_context"], one["prefetch_factor"]) for one in alone] == [(None, None)]


def test_what_only_loads_faster_is_not_tried_where_the_step_hides_the_loading() -> None:
    """Fewer workers, torch's threads and other loaders may make the step itself faster."""
    hidden = replace(TWO_CORES, hidden_gain=0.0111)
    facts = SourceFacts("dataloader", DataLoaderSettings(8, num_workers=1), map_style=True)
    trained = Request(step=("train.py:make_step",), single=True)
    found = space(trained, own_offer(facts), hidden)
    assert values(found, "num_workers", "dataloader") == {0, 1}
    assert values(found, "prefetch_factor", "dataloader") == {None, 2}
    assert values(found, "persistent_workers", "dataloader") == {False}
    assert {one.num_threads for one in found.configurations} == {1, 2}
    others = [one for one in found.configurations if one.spec.family == "in_memory"]
    assert others == [
        one for one in space(trained, own_offer(facts)).configurations if one.spec.family == "in_memory"
    ]
    reason = found.left_out["Faster loading"]
    assert "gains at most 1.2%" in reason
    knobs = "--num-workers, --prefetch-factor, --persistent-workers and --multiprocessing-context"
    assert reason.endswith(f"values that are given to {knobs} are tried")


def test_values_that_are_named_are_tried_though_the_step_hides_the_loading() -> None:
    hidden = replace(TWO_CORES, hidden_gain=0.01)
    found = space(
        Request(knobs={"num_workers": (3, 8), "prefetch_factor": (2, 8)}, single=True), own_offer(), hidden
    )
    assert values(found, "num_workers", "dataloader") == {3, 8}
    assert values(found, "prefetch_factor", "dataloader") == {2, 8}
    assert "--persistent-workers" in found.left_out["Faster loading"]
    assert "--prefetch-factor" not in found.left_out["Faster loading"]
