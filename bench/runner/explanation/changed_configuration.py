"""Change a configuration as an advice says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bench.plan.configuration import Configuration
from bench.plan.offer import Offer
from bench.plan.plan import PlanError
from bench.plan.worker_knobs import reset_worker_knobs
from loaders.spec.own_loader_spec import OwnLoaderSpec


def change_configuration(
    configuration: Configuration, offer: Offer, family: str, knobs: Mapping[str, Any]
) -> Configuration:
    """Return a configuration with other knobs, or with the loader of another family.

    Args:
        configuration: the present configuration.
        offer: loaders that serve its workload.
        family: family of the changed loader.
        knobs: values of the command's options, by their names in Python.

    Raises:
        PlanError: there is no such configuration here.
    """
    spec = configuration.spec
    knobs = dict(knobs)
    num_threads = knobs.pop("num_threads", configuration.num_threads)
    if family != spec.family:
        if family not in offer.specs:
            raise PlanError(offer.refused.get(family, f"there is no loader family {family} for this"))
        old, spec = spec, offer.specs[family]
        if isinstance(old, OwnLoaderSpec) and isinstance(spec, OwnLoaderSpec):
            spec = replace(spec, params=old.params, facts=old.facts)
        knobs.setdefault("batch_size", old.knobs().get("batch_size"))
    elif not knobs.get("num_workers", True):
        knobs = {**reset_worker_knobs(spec), **knobs}
    unknown = [name for name in knobs if name not in spec.knobs()]
    if unknown:
        raise PlanError(f"{family} has no {unknown[0]}")
    changed = replace(configuration, spec=spec.with_knobs(knobs), num_threads=num_threads)
    reason = changed.invalid()
    if reason is None:
        changed = replace(changed, spec=changed.spec.resolve(cuda=configuration.device == "cuda"))
        reason = changed.spec.unavailable()
    if reason is not None:
        raise PlanError(reason)
    return changed
