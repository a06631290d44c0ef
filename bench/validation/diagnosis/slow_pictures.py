"""Pictures of which some load slowly, in a loader family of Fashion-MNIST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader, Dataset

from bench.plan.offer import Offer
from bench.trial.training import Training
from bench.trial.trial import Trial
from bench.validation.diagnosis.epoch_plan import BATCH_SIZE, EpochPlan
from bench.validation.targets.pacing import wait
from bench.workloads.choice import Notify, ShowDownload, WorkloadChoice
from bench.workloads.fashion_mnist import FashionMnist


class SlowPictures(Dataset[Any]):
    """A map-style dataset whose pictures take planned times."""

    def __init__(self, pictures: Any, picture_s: float, slow: frozenset[int], slow_s: float) -> None:
        """Plan the times.

        Args:
            pictures: the dataset of the loader family.
            picture_s: seconds that each picture takes.
            slow: indices of the slow pictures.
            slow_s: seconds that a slow picture takes besides.
        """
        self._pictures = pictures
        self._picture_s = picture_s
        self._slow = slow
        self._slow_s = slow_s

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> Any:
        wait(self._picture_s + self._slow_s * (index in self._slow))
        return self._pictures[index]


@dataclass(frozen=True)
class SlowFashionMnist(FashionMnist):
    """Pictures of which some load slowly.

    Attributes:
        fetch_ms: milliseconds that the pictures of a batch take.
        slow: indices of the slow pictures.
        slow_ms: milliseconds that a slow picture takes besides.
    """

    fetch_ms: float = 0.0
    slow: tuple[int, ...] = ()
    slow_ms: float = 0.0

    def __getstate__(self) -> dict[str, Any]:
        names = ("fetch_ms", "slow", "slow_ms")
        return {**super().__getstate__(), **{name: getattr(self, name) for name in names}}

    def make_training(self, trial: Trial, *, in_full: bool = False) -> Training:
        """Build the family's loader, and put the planned times around its dataset."""
        training = super().make_training(trial, in_full=in_full)
        loader = training.pipeline.loader
        # Captured batches lie in memory already.
        if isinstance(loader, DataLoader):
            picture_s = self.fetch_ms * 1e-3 / BATCH_SIZE
            pictures = SlowPictures(loader.dataset, picture_s, frozenset(self.slow), self.slow_ms * 1e-3)
            # A DataLoader refuses another dataset once it is made.
            object.__setattr__(loader, "dataset", pictures)
        return training


@dataclass(frozen=True)
class SlowPictureChoice:
    """Pictures of which some load slowly.

    Attributes:
        choice: the pictures.
        plan: the planned times.
    """

    choice: WorkloadChoice
    plan: EpochPlan

    @property
    def offer(self) -> Offer:
        """The families that can serve them."""
        return self.choice.offer

    @property
    def expected_samples(self) -> int:
        """Samples in an epoch."""
        return self.choice.expected_samples

    def find(self, notify: Notify, show: ShowDownload) -> SlowFashionMnist:
        """Return the pictures with their times."""
        workload: Any = self.choice.find(notify, show)
        return SlowFashionMnist(
            workload.dataset,
            fetch_ms=self.plan.fetch_ms,
            slow=self.plan.slow_indices,
            slow_ms=self.plan.slow_ms,
        )
