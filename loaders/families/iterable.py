"""Any other iterable of batches, such as a library's own loader, measured as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from loaders.spec.own_loader_spec import OwnLoaderSpec
from loaders.spec.source_facts import SourceFacts


@dataclass(frozen=True)
class OwnIterable(OwnLoaderSpec):
    """An iterable of batches, measured as it is; only parameters of its function can be varied."""

    @classmethod
    def refuse(cls, facts: SourceFacts) -> str | None:
        """Return why it is better served by another family, or None."""
        return None if facts.kind == "iterable" else "the target's own knobs are those of a DataLoader"

    def build(self, source: Any) -> Iterable[Any]:
        """Return the iterable itself."""
        iterable: Iterable[Any] = source
        return iterable

    def describe_changes(self) -> list[str]:
        """Return the parameters, as source text."""
        return [f"{name}={value!r}" for name, value in self.params]
