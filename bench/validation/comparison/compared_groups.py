"""ComparedGroups: the groups of blocks that were measured so far, and what their comparisons say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.report.progress.sweep_observer import SweepObserver
from bench.validation.comparison.block_group import BlockGroup, find_partner
from bench.validation.comparison.findings import Finding, compare_group
from bench.validation.comparison.measuring import GroupMeasuring
from bench.validation.comparison.rates import count_rates
from bench.validation.keeping import Failure, attempt


@dataclass
class ComparedGroups:
    """The groups of blocks that were measured so far.

    Attributes:
        groups: all groups that are to be measured.
        root: folder that holds a folder of each.
        measured: those that were measured and compared.
        findings: what their comparisons say.
        failures: groups that can't be measured or compared.
        uncompared: pairs of groups whose folders can't be compared.
    """

    groups: Sequence[BlockGroup]
    root: Path
    measured: list[BlockGroup] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    uncompared: list[Failure] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """True if all comparisons were made, and enough of them are right."""
        is_whole = len(self.measured) == len(self.groups) and not self.uncompared
        return is_whole and all(rate.passes for rate in count_rates(self.findings))

    def take(self, group: BlockGroup, measuring: GroupMeasuring) -> list[Finding] | Failure:
        """Measure a group, and return what the comparisons in its common blocks say.

        Args:
            group: the group.
            measuring: measures it.

        Raises:
            StorageError: a file can't be written.
            KeyboardInterrupt: the user has ended it.
        """

        def measure() -> list[Finding]:
            measuring.measure(group, SweepObserver())
            return self._compare(group)

        found = attempt(group.name, measure)
        if isinstance(found, Failure):
            self.failures.append(found)
            return found
        self.measured.append(group)
        self.findings += found
        return found

    def compare_folders(self) -> None:
        """Add what comparisons of two folders say, where both groups were measured."""
        for group in self.measured:
            partner = find_partner(self.groups, group)
            if partner not in self.measured:
                continue
            found = attempt(f"{group.name} beside {partner.name}", partial(self._compare, group, partner))
            if isinstance(found, Failure):
                self.uncompared.append(found)
            else:
                self.findings += found

    def _compare(self, group: BlockGroup, partner: BlockGroup | None = None) -> list[Finding]:
        return [*compare_group(group, self.root, partner)]
