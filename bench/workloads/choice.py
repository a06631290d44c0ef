"""WorkloadChoice: the workload that a user asks for, from its offer to the data in place."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.plan.offer import Offer
from bench.plan.sweep_options import SweepOptions
from bench.trial.workload import Workload
from bench.workloads.audit.worker_seeds import describe_repeats
from bench.workloads.fashion_mnist import FashionMnist
from bench.workloads.inspection.target_inspection import Inquiry, inspect_target
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.own.sample_store import SampleStore
from bench.workloads.script.script_choice import choose_script
from bench.workloads.script.script_file import is_script
from bench.workloads.target.start_folder import find_start, hint_at_start
from bench.workloads.target.target import Target, TargetError
from loaders.data.dataset_choice import expected_samples, locate
from loaders.registry import own_families
from loaders.spec.own_loader_spec import PARAM, OwnLoaderSpec, Params
from loaders.spec.source_facts import SourceFacts

Notify = Callable[[str], None]
ShowDownload = Callable[[str, int, int | None], None]


class WorkloadChoice(Protocol):
    """The workload that a user asks for. Its offer is known before its data are in place."""

    @property
    def offer(self) -> Offer:
        """The loaders that serve it."""

    @property
    def expected_samples(self) -> int:
        """About how many samples an epoch has."""

    def find(self, notify: Notify, show: ShowDownload) -> Workload:
        """Return the workload, once its data are in place.

        Args:
            notify: called with each notice that a user must read.
            show: called with a file's name, the bytes received, and the bytes in all or None.

        Raises:
            DataError: the data can't be had.
        """


@dataclass(frozen=True)
class PictureChoice:
    """Fashion-MNIST, or another dataset of small grey pictures.

    Attributes:
        dataset: `auto`, `fashion-mnist`, `synthetic` or `synthetic:N`.
        data_dir: folder of the data.
        mirror: URL of a folder to download from; None for torchvision's own.
    """

    dataset: str
    data_dir: Path
    mirror: str | None

    @property
    def offer(self) -> Offer:
        """Every family of pictures."""
        return Offer.for_pictures()

    @property
    def expected_samples(self) -> int:
        """Samples of the training split."""
        return expected_samples(self.dataset, self.data_dir, self.mirror)

    def find(self, notify: Notify, show: ShowDownload) -> FashionMnist:
        """Find, download or draw the data."""
        return FashionMnist(
            locate(self.dataset, self.data_dir, notify=notify, mirror=self.mirror, progress=show)
        )


@dataclass(frozen=True)
class OwnChoice:
    """A user's own loader or dataset.

    Attributes:
        workload: the workload, which is known as soon as its target was inspected.
        variants: what is known of it for each combination of its function's parameters, the first one first.
    """

    workload: OwnLoader
    variants: tuple[tuple[Params, SourceFacts], ...]

    @property
    def offer(self) -> Offer:
        """The families that can serve the target."""
        facts = self.workload.facts
        refused = {name: family.refuse(facts) for name, family in own_families().items()}
        specs: dict[str, OwnLoaderSpec] = {
            name: family(facts=facts, params=self.variants[0][0], variants=self.variants)
            for name, family in own_families().items()
            if refused[name] is None
        }
        reasons = {name: reason for name, reason in refused.items() if reason is not None}
        left_out = {name: family.leave_out(facts) for name, family in own_families().items()}
        return Offer(
            specs,
            next(name for name in specs if name in ("dataloader", "iterable")),
            reasons,
            {name: reason for name, reason in left_out.items() if reason is not None},
        )

    @property
    def expected_samples(self) -> int:
        """Samples in an epoch, or a guess."""
        return self.workload.samples or 10_000

    def find(self, notify: Notify, show: ShowDownload) -> OwnLoader:
        """Return the workload: its data are the user's own."""
        del show
        repeats = [facts.repeats for _, facts in self.variants if facts.repeats]
        if repeats and (text := describe_repeats(repeats[0])):
            notify(text)
        return self.workload


def choose_workload(
    options: SweepOptions, *, within_s: float | None = None, has_epochs: bool = True
) -> WorkloadChoice:
    """Return the workload that a sweep asks for. A target is imported in a process of its own, a script run.

    Args:
        options: order of the sweep.
        within_s: seconds that --budget leaves for that; default None for no such limit.
        has_epochs: whether the command has the option --epochs; default True.

    Raises:
        TargetError: the target can't be measured.
    """
    if options.target is None:
        return PictureChoice(options.dataset, options.data_dir, options.mirror)
    start = options.start or find_start(options.resume or options.measured_again)
    if is_script(options.target):
        return choose_script(options, start, within_s)
    with hint_at_start(options.resume):
        target = Target.parse(options.target, start)
    given = options.request.knobs or {}
    axes = {name.removeprefix(PARAM): values for name, values in given.items() if name.startswith(PARAM)}
    combinations = [dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())]
    first, *others = combinations
    inquiry = Inquiry(target, first, options.batches, options.request.step, others)
    found = inspect_target(inquiry, within_s=within_s)
    if found.facts.one_shot and options.schedule.epochs != 1:
        or_once = ", or --epochs 1" if has_epochs else ""
        raise TargetError(
            f"{target.text} ends after one epoch, as an iterator does: give the function that makes it"
            f"{or_once}"
        )
    store = SampleStore(tuple(first.items()))
    workload = OwnLoader(target, found.facts, found.digest, options.batches, found.stamps, store)
    params = [tuple(combination.items()) for combination in combinations]
    return OwnChoice(workload, tuple(zip(params, found.variants, strict=True)))
