"""Inspection of a target in a process of its own, before anything is measured."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from bench.process.errors import ProcessError
from bench.process.forkserver import prepare_context
from bench.process.fresh_process import FreshProcess
from bench.process.running_clock import read_running_s
from bench.workloads.audit.audit_facts import add_audit_facts
from bench.workloads.inspection.constructor_watch import watch_calls
from bench.workloads.inspection.look_limit import LookLimit
from bench.workloads.inspection.source_inspection import find_facts
from bench.workloads.inspection.user_modules import (
    digest_files,
    list_module_files,
    list_user_files,
    stamp_files,
)
from bench.workloads.target.open_source import open_target
from bench.workloads.target.own_steps import make_own_step
from bench.workloads.target.target import Target, TargetError, describe_theirs
from loaders.data.dataset_ref import FileStamp
from loaders.spec.source_facts import SourceFacts

# Time for imports, for the loader's making, and for its first batch or an epoch of unknown length.
TIMEOUT_S = 120.0
# Modules that trials need. They are imported before any of the user's. Most datasets of pictures import
# torchvision, which takes over a second.
MODULES = ("bench.workloads.own.own_loader", "loaders.registry", "torchvision")
UNKNOWN = SourceFacts("iterable", None)


@dataclass(frozen=True)
class Inspection:
    """Findings about a target.

    Attributes:
        facts: what is known of the loader or dataset.
        variants: the same for each combination of parameters that was asked for.
        digest: SHA-256 in hex over the user's modules that were imported for it and for the steps.
        stamps: their files, with size and time.
        error: one line that says why it can't be measured; empty if it can.
        has_log: whether the process has printed more about the error.
    """

    facts: SourceFacts
    digest: str = ""
    stamps: tuple[FileStamp, ...] = ()
    error: str = ""
    has_log: bool = False
    variants: tuple[SourceFacts, ...] = ()


@dataclass(frozen=True)
class Inquiry:
    """Question about a target.

    Attributes:
        target: the target.
        params: arguments of its function.
        batches: number of batches after which an epoch ends; None for the loader's own end.
        steps: steps that are made too, as the column `step` names them.
        variants: further combinations of arguments.
    """

    target: Target
    params: Mapping[str, Any]
    batches: int | None = None
    steps: Sequence[str] = ()
    variants: Sequence[Mapping[str, Any]] = ()


def inspect_target(
    inquiry: Inquiry, context: BaseContext | None = None, within_s: float | None = None
) -> Inspection:
    """Import a target in a process of its own, and find out about it.

    Args:
        inquiry: what is to be found out about.
        context: starts the process; default None, one that has imported what trials need.
        within_s: seconds that --budget leaves for that; default None for no such limit.

    Raises:
        TargetError: it can't be imported or measured. The output of the process is kept in a file then.
    """
    text = inquiry.target.text
    limit = LookLimit(TIMEOUT_S * (1 + len(inquiry.variants))).shorten(within_s)
    log = _make_log(inquiry.target)
    try:
        context = context or prepare_context(MODULES)
        work = partial(_inspect, inquiry)
        with FreshProcess(work, context=context, log=log, title=f"import of {text}") as process:
            found = process.take(read_running_s() + limit.seconds)
    except TimeoutError:
        raise TargetError(f"{text} gave no batch within {limit}; its output is in {log}") from None
    except ProcessError as error:
        raise TargetError(f"{text}: {error}; its output is in {log}") from None
    except KeyboardInterrupt:
        log.unlink(missing_ok=True)
        raise
    if found.has_log:
        raise TargetError(f"{found.error}; its traceback is in {log}")
    log.unlink(missing_ok=True)
    if found.error:
        raise TargetError(found.error)
    return found


def _inspect(inquiry: Inquiry) -> Iterator[Inspection]:
    target = inquiry.target
    subject = target.text
    before = list_module_files()
    try:
        variants = tuple(
            _find_variant(target, params, inquiry.batches) for params in (inquiry.params, *inquiry.variants)
        )
        for subject in inquiry.steps:
            make_own_step(subject, "cuda" if torch.cuda.is_available() else "cpu")
    except TargetError as error:
        if error.__cause__ is not None:
            traceback.print_exc()
        yield Inspection(UNKNOWN, error=str(error), has_log=error.__cause__ is not None)
        return
    # A user's code may raise anything.
    except Exception as error:
        traceback.print_exc()
        yield Inspection(UNKNOWN, error=f"{subject}: {describe_theirs(error)}", has_log=True)
        return
    files = list_user_files(before)
    yield Inspection(variants[0], digest_files(files), stamp_files(files), variants=variants)


def _find_variant(target: Target, params: Mapping[str, Any], batches: int | None) -> SourceFacts:
    """Return what is known of a target with these arguments of its function."""
    with watch_calls() as calls:
        opened = open_target(target, params)
    facts = find_facts(opened.loader, batches, name=target.text, kind=opened.kind)
    facts = add_audit_facts(facts, opened.loader, params, batches)
    if not isinstance(opened.loader, DataLoader):
        return facts
    calls.open(opened.loader, target.text)
    return replace(facts, loader_call=calls.find(target.text))


def _make_log(target: Target) -> Path:
    """Make an empty file in the temporary folder that no other user or sweep has."""
    module = target.module.rpartition(".")[2]
    descriptor, name = tempfile.mkstemp(prefix=f"loaderbench-{module}-", suffix=".log")
    os.close(descriptor)
    return Path(name)
