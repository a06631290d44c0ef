"""Offer: the loaders that serve a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loaders.registry import families
from loaders.spec.knob_set import KnobSet
from loaders.spec.loader_call import LoaderCall
from loaders.spec.own_loader_spec import OwnLoaderSpec

TUTORIAL_FAMILY = "torch_dataloader"


@dataclass(frozen=True)
class Offer:
    """The loaders that serve a workload.

    Attributes:
        specs: each family's loader at its defaults, by the family's name.
        baseline: name of the family whose loader at its defaults the others are compared with.
        refused: reasons why other families can't serve the workload, by their names.
        left_out: reasons why families aren't measured unless they are named, where a user should know them.
        most_epochs: most epochs that a trial can have; None for any number.
    """

    specs: Mapping[str, KnobSet]
    baseline: str
    refused: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    most_epochs: int | None = None

    @classmethod
    def for_pictures(cls) -> Offer:
        """Return the offer for small grey pictures: every family of pictures."""
        return cls({name: family() for name, family in families().items()}, TUTORIAL_FAMILY, {})

    @property
    def loader_call(self) -> LoaderCall | None:
        """The call in the user's file that made their DataLoader; None where it isn't known."""
        baseline = self.specs[self.baseline]
        return baseline.facts.loader_call if isinstance(baseline, OwnLoaderSpec) else None

    @property
    def unasked(self) -> list[str]:
        """Names of the families that a sweep measures which names none."""
        return [name for name, spec in self.specs.items() if spec.shown_unasked and name not in self.left_out]
