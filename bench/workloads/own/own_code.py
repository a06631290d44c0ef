"""The lines of code that make a configuration of a user's own loader."""

from __future__ import annotations

from bench.workloads.target.target import Target
from loaders.families.in_memory import InMemory
from loaders.spec.own_loader_spec import OwnLoaderSpec
from loaders.spec.source_facts import Kind

ARRIVES = "its batches arrive on the GPU"


def make_own_code(target: Target, kind: Kind, spec: OwnLoaderSpec) -> list[str]:
    """Return the lines of code that make a configuration; a comment where nothing changes.

    Args:
        target: the user's loader or dataset.
        kind: what the target is.
        spec: the loader of the configuration.
    """
    if isinstance(spec, InMemory):
        return [*_make_in_memory_code(target, spec), *_list_transfer_lines(spec)]
    params = [f"{name}={value!r}" for name, value in spec.params]
    changes = [change for change in spec.describe_changes() if change not in params]
    calls = [f"{target.name}({', '.join(params)})"] if params else []
    moved = _list_transfer_lines(spec)
    if kind == "dataset":
        made = [f"dataset = {call}" for call in calls]
        loader = f"DataLoader({', '.join(['dataset', *changes])})"
        return [f"# dataset is {target.text}", *made, loader, *moved]
    if changes:
        calls.append(f"DataLoader({', '.join(['...', *changes])})")
    if not calls:
        return [f"# keep {target.text} as it is", *moved]
    return [f"# {target.text} with:", *calls, *moved]


def _list_transfer_lines(spec: OwnLoaderSpec) -> list[str]:
    """Return the lines that copy its batches to a CUDA device in another way than `.to(device)`."""
    if spec.transfer == "prefetch":
        return [
            "from loaders.device.nested_prefetcher import NestedPrefetcher",
            f"loader = NestedPrefetcher(loader)  # {ARRIVES}",
        ]
    if spec.transfer != "non_blocking":
        return []
    if isinstance(spec, InMemory) and not spec.copy:
        # By itself, the loop would let the loader overwrite a batch that is still being copied.
        return [
            "from loaders.device.pipeline import move_to_device",
            f'loader = move_to_device(loader, "cuda", "non_blocking")  # {ARRIVES}',
        ]
    return ["# in the loop: .to(device, non_blocking=True)"]


def _make_in_memory_code(target: Target, spec: InMemory) -> list[str]:
    """Return the lines of code that put an InMemoryLoader over the user's DataLoader."""
    changes = [f"{name}={value!r}" for name, value in spec.params]
    if spec.batch_size != spec.theirs.batch_size:
        changes.append(f"batch_size={spec.batch_size}")
    changed = f", with {', '.join(changes)}" if changes else ""
    return [f"# your_loader is the DataLoader of {target.text}{changed}", *spec.make_code("your_loader")]
