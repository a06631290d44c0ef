"""Tests of loader families, for packages that add some: `from loaders.testing import FamilyContract`."""

from loaders.testing.family_contract import FamilyContract
from loaders.testing.own_family_contract import OwnFamilyContract

__all__ = ["FamilyContract", "OwnFamilyContract"]
