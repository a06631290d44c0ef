"""Outside families: loader families of other packages, which add them by entry points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint

from loaders.spec.family_name import GROUP
from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import Knob
from loaders.spec.loader_spec import LoaderSpec
from loaders.spec.own_loader_spec import UNKNOWN, OwnLoaderSpec

# Knobs are options of a sweep and columns of its results. These names are taken.
OPTIONS = (
    "aa", "aa_pairs", "as_json", "batches", "blocks", "budget", "budget_s", "config", "cuda_graph",
    "data_dir", "dataset", "device", "dry_run", "epochs", "family", "help", "json", "learning_rate", "loss",
    "memory_limit", "mirror", "name", "num_threads", "out", "param", "params", "pick", "precision", "preset",
    "quiet", "resume", "resume_anyway", "script_args", "seed", "step", "step_ms", "target", "timeout",
    "timeout_s",
)  # fmt: skip
COLUMNS = (
    "attempt", "audit", "audited_share", "baseline", "between_epochs_cpu_s", "block", "build_s",
    "configuration", "cpu_mhz", "cpu_s", "data_wait_median_s", "data_wait_p99_s", "data_wait_s",
    "disturbed", "dtype", "epoch", "error", "gpu_memory_bytes", "gpu_mhz", "gpu_utilization",
    "late_s", "other_cpu_share", "peak_anonymous_bytes", "peak_memory_bytes", "position", "processes",
    "resumed_with", "sample_shape", "samples", "samples_per_s", "schema", "shuffle_quality",
    "started_at", "startup_s", "status", "step_s", "teardown_s", "throttled_count",
    "time_to_first_batch_s", "timed_by", "train_loss", "transfer_s", "wall_s",
)  # fmt: skip


class FamilyError(Exception):
    """A family of another package that can't be used, and why, in one line."""


def find_outside_families(
    entries: Iterable[EntryPoint], ours: Mapping[str, type[KnobSet]]
) -> tuple[dict[str, type[KnobSet]], dict[str, str]]:
    """Import the families of other packages.

    Args:
        entries: entry points of the families.
        ours: our own families by name, which others can't replace.

    Returns:
        Families by name, and by the name of each one that can't be used the reason, in one line.
    """
    found: dict[str, type[KnobSet]] = {}
    problems: dict[str, str] = {}
    knobs: dict[str, Knob] = {}
    for family in ours.values():
        knobs |= family.declared_knobs()
    for entry in entries:
        try:
            if entry.name in ours or entry.name in found:
                raise FamilyError("another family has this name")
            family = load_family(entry)
            _check_knobs(family.declared_knobs(), knobs)
        except FamilyError as error:
            package = f" of {entry.dist.name}" if entry.dist is not None else ""
            problems[entry.name] = f"the family {entry.name}{package} can't be used: {error}"
            continue
        found[entry.name] = family
        knobs |= family.declared_knobs()
    return found, problems


def load_family(entry: EntryPoint) -> type[KnobSet]:
    """Import the class of an entry point, and check that it is a family.

    Args:
        entry: entry point whose name is to be the family's.

    Raises:
        FamilyError: it isn't one, or can't be imported.
    """
    if not entry.name.isidentifier() or entry.name != entry.name.lower():
        raise FamilyError(f"its name isn't of lower-case letters, digits and _, as {GROUP} asks for")
    try:
        family = entry.load()
    except (Exception, SystemExit) as error:
        raise FamilyError(f"{entry.value}: {_describe(error)}") from error
    if not isinstance(family, type) or not issubclass(family, LoaderSpec | OwnLoaderSpec):
        raise FamilyError(f"{entry.value} is no subclass of LoaderSpec and none of OwnLoaderSpec")
    try:
        # What a plan asks each family.
        spec = family().resolve()
        spec.invalid(cuda=False)
        spec.unavailable()
        spec.typical_samples_per_s()
        if isinstance(spec, OwnLoaderSpec):
            spec.refuse(UNKNOWN)
        hash(spec)
    except Exception as error:
        raise FamilyError(f"{entry.value} with its defaults: {_describe(error)}") from error
    return family


def _check_knobs(declared: Mapping[str, Knob], known: Mapping[str, Knob]) -> None:
    """Check that a family's knobs don't take the names of others."""
    for name, knob in declared.items():
        other = known.get(name, knob)
        if name in OPTIONS or name in COLUMNS:
            raise FamilyError(f"its knob {name} has the name of an option or of a column")
        if name != knob.name or (other.kind, other.help) != (knob.kind, knob.help):
            raise FamilyError(
                f"its knob {name} is declared differently in another family; use the same Knob, or another "
                "name"
            )


def _describe(error: BaseException) -> str:
    lines = str(error).split("\n")
    return f"{type(error).__name__}: {lines[0]}".removesuffix(": ")
