"""LoaderWatch: counts, inspects and explains the batches of a user's own loader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils.data import DataLoader

from bench.trial.training import EpochInspector
from bench.workloads.audit.asked_batches import watch_batches
from bench.workloads.audit.content_inspector import ContentInspector
from bench.workloads.audit.index_inspector import FormInspector, IndexInspector
from bench.workloads.audit.loader_failure import explain_failure
from bench.workloads.audit.reference_batches import ReferenceBatches
from bench.workloads.audit.sample_hashes import HashInspector
from loaders.data.nested_batch import count_samples
from loaders.spec.source_facts import SourceFacts


class LoaderWatch:
    """Counts the samples of a loader's batches, inspects them, and explains its failures."""

    def __init__(self, loader: Any, source: Any, facts: SourceFacts) -> None:
        """Watch a loader.

        Args:
            loader: the loader that is measured. Its indices are recorded from now on.
            source: the user's DataLoader or other iterable that it was made from.
            facts: what is known of that.
        """
        # A copy, whose sampler isn't replaced.
        self._reference = None
        self._dataset = source.dataset if isinstance(source, DataLoader) else None
        if isinstance(source, DataLoader):
            self._reference = ReferenceBatches(loader if isinstance(loader, DataLoader) else source)
        self._asked = None if _remakes_batches(loader) else watch_batches(loader)
        self._facts = facts

    @property
    def count(self) -> Callable[[Any], int]:
        """The function that counts the samples of a batch: by its indices, or else by its form."""
        return count_samples if self._asked is None else self._asked.count

    def make_inspector(self, *, in_full: bool) -> EpochInspector:
        """Return what inspects the batches.

        Args:
            in_full: whether every batch is inspected, off the clock; else none is, and only indices are kept.
        """
        asked, reference = self._asked, self._reference
        if not in_full:
            return IndexInspector(asked)
        if asked is not None and reference is not None:
            if self._facts.same_samples is True:
                return ContentInspector(asked, reference)
            return FormInspector(asked, reference)
        if self._facts.alone is not None:
            return HashInspector()
        return IndexInspector(asked)

    def explain(self, error: Exception) -> str | None:
        """Return the cause of a failure of the loader in one line; None where it isn't known."""
        due = () if self._asked is None or self._dataset is None else self._asked.list_due()
        return explain_failure(error, self._dataset, due)


def _remakes_batches(loader: Any) -> bool:
    """Return whether a DataLoader of another class may deliver other batches than it asks for."""
    return isinstance(loader, DataLoader) and type(loader).__iter__ is not DataLoader.__iter__
