"""Own cases: users' loaders and scripts with planned costs, and ones that cheat."""

from __future__ import annotations

from bench.validation.own_case import OwnCase

LOADER = "own_targets.py:make_loader"
STREAM = "own_targets.py:make_stream"
MISCOUNTING = "own_targets.py:make_miscounting"
SCRIPT = "own_script.py"
TWO_WORKERS = {"num_workers": 2, "persistent_workers": True}

# Without workers, batches are few and long, as for the loaders of pictures. With workers, DataLoader's own
# start of an epoch and the way of the first batch out of a worker take some 5 ms.
# Noisy samples differ each time. Their audit is that of indices, which loads no batch once more.
OWN_COSTS = (
    OwnCase(
        "own-dataset", "own dataset, each of 300 samples takes 1 ms, 20 in a batch",
        "own_targets.py:PacedSamples", params={"sample_ms": 1, "noisy": True}, knobs={"batch_size": 20},
        readings={"samples_per_s": 1000, "time_to_first_batch_s": 20e-3, "data_wait_s": 0.3,
                  "data_wait_median_s": 20e-3, "step_s": 0},
    ),
    OwnCase(
        "own-dataset-workers", "own dataset, 2 workers with a sample each 5 ms, 12 batches of 16", LOADER,
        params={"samples": 192, "batch_size": 16, "sample_ms": 5, "noisy": True}, knobs=TWO_WORKERS,
        readings={"samples_per_s": 400, "data_wait_s": 0.48},
    ),
    OwnCase(
        "own-collate", "own collate function, 20 ms for each of 15 batches", LOADER,
        params={"samples": 300, "batch_size": 20, "collate_ms": 20, "noisy": True},
        readings={"samples_per_s": 1000, "data_wait_s": 0.3, "data_wait_median_s": 20e-3, "step_s": 0},
    ),
    OwnCase(
        "own-collate-workers", "own collate function, 2 workers with 100 ms for each of 12 batches", LOADER,
        params={"samples": 192, "batch_size": 16, "collate_ms": 100, "noisy": True}, knobs=TWO_WORKERS,
        readings={"samples_per_s": 320, "data_wait_s": 0.6},
    ),
    OwnCase(
        "own-first-batch", "own dataset, the first sample takes 200 ms more, each of 300 takes 1 ms", LOADER,
        params={"samples": 300, "batch_size": 20, "sample_ms": 1, "first_ms": 200, "noisy": True},
        readings={"samples_per_s": 600, "time_to_first_batch_s": 0.22, "data_wait_s": 0.5,
                  "data_wait_median_s": 20e-3},
    ),
    OwnCase(
        # The other worker waits, since DataLoader hands out no further work before the first batch has come.
        # The first batch takes 400 ms, and its worker loads 2 more of 80 ms.
        "own-first-workers", "the same in 2 workers: 400 ms for the first batch of 6, 80 ms for others",
        LOADER, knobs=TWO_WORKERS,
        params={"samples": 96, "batch_size": 16, "sample_ms": 5, "first_ms": 320, "noisy": True},
        readings={"samples_per_s": 96 / 0.56, "time_to_first_batch_s": 0.4, "data_wait_s": 0.56},
    ),
    OwnCase(
        "own-step", "own step of 100 ms, 5 batches that cost next to nothing", LOADER,
        params={"samples": 50, "batch_size": 10}, step="own_targets.py:make_step",
        readings={"samples_per_s": 100, "step_s": 0.5},
    ),
    OwnCase(
        "own-step-ms", "--step-ms 30 after each of 10 batches of 60 ms", LOADER,
        params={"samples": 100, "batch_size": 10, "sample_ms": 6, "noisy": True}, step="30ms",
        readings={"samples_per_s": 100 / 0.9, "data_wait_s": 0.6, "data_wait_median_s": 60e-3,
                  "step_s": 0.3},
    ),
    OwnCase(
        "own-iterable", "a library's loader, iter() takes 120 ms, each of 15 batches 20 ms",
        "own_targets.py:PacedBatches", params={"batches": 15, "batch_ms": 20, "startup_ms": 120},
        readings={"samples_per_s": 300 / 0.42, "startup_s": 0.12, "time_to_first_batch_s": 0.14,
                  "data_wait_s": 0.3},
    ),
    OwnCase(
        "own-stream", "own iterable dataset, 2 workers with a sample each 5 ms, 12 batches of 16", STREAM,
        params={"samples": 192, "batch_size": 16, "sample_ms": 5}, knobs=TWO_WORKERS,
        readings={"samples_per_s": 400, "data_wait_s": 0.48},
    ),
    OwnCase(
        # In a cold cache, a batch takes some 0.5 ms more than planned, in the bare script too.
        "script", "a script, each of 60 samples takes 8 ms, the loop's body 20 ms for each batch of 10",
        SCRIPT, params={"samples": 60, "batch-size": 10, "sample-ms": 8, "step-ms": 20}, epochs=4,
        readings={"samples_per_s": 60 / 0.6, "time_to_first_batch_s": 80e-3, "data_wait_s": 0.48,
                  "data_wait_median_s": 80e-3, "step_s": 0.12},
    ),
    OwnCase(
        # Each sleep ends some 0.1 ms late, so there are few of them, and long ones.
        "script-first-batch", "a script, 10 ms a sample, 50 ms to collate 5, 200 ms more for the first one",
        SCRIPT, params={"samples": 30, "batch-size": 5, "sample-ms": 10, "collate-ms": 50,
                        "first-ms": 200, "step-ms": 20}, epochs=4,
        readings={"samples_per_s": 30 / 0.92, "time_to_first_batch_s": 0.3, "data_wait_s": 0.8,
                  "data_wait_median_s": 0.1, "step_s": 0.12},
    ),
    OwnCase(
        # The workers end two batches at a time, each 80 ms. The bodies of the last two come after them.
        "script-workers", "a script with 2 workers, a sample each 5 ms, a body of 10 ms, 16 batches of 16",
        SCRIPT, params={"samples": 256, "batch-size": 16, "sample-ms": 5, "step-ms": 10}, knobs=TWO_WORKERS,
        readings={"samples_per_s": 256 / 0.66, "data_wait_s": 0.5, "step_s": 0.16},
    ),
)  # fmt: skip

OWN_CHEATS = (
    OwnCase(
        "own-unsplit", "an iterable dataset that isn't split between 2 workers", STREAM,
        params={"samples": 300, "batch_size": 20, "fault": "unsplit"}, knobs=TWO_WORKERS, epochs=1,
        error_words=("isn't split",),
    ),
    OwnCase(
        "own-skips", "an iterable dataset of which each of 2 workers leaves out a sample", STREAM,
        params={"samples": 300, "batch_size": 20, "fault": "skips"}, knobs=TWO_WORKERS, epochs=1,
        error_words=("300 without workers",),
    ),
    OwnCase(
        "own-repeats", "one of which each of 2 workers delivers a sample again, in place of another", STREAM,
        params={"samples": 300, "batch_size": 20, "fault": "repeats"}, knobs=TWO_WORKERS, epochs=1,
        error_words=("other samples",),
    ),
    OwnCase(
        "own-late", "an iterable dataset that leaves out a sample in each epoch but its first", STREAM,
        params={"samples": 300, "batch_size": 20, "fault": "late"}, epochs=2,
        error_words=("in other epochs there are 299",),
    ),
    OwnCase(
        "own-drops", "a DataLoader that leaves out its last batch", MISCOUNTING, params={"fault": "drops"},
        epochs=1, error_words=("14 batches were delivered of 15",),
    ),
    OwnCase(
        "own-doubles", "a DataLoader that delivers its last batch twice", MISCOUNTING,
        params={"fault": "doubles"}, epochs=1, error_words=("16 batches were delivered of 15",),
    ),
    OwnCase(
        "own-replaces", "a DataLoader that delivers a batch again in place of the last one", MISCOUNTING,
        params={"fault": "replaces"}, epochs=1, error_words=("batch 14",),
    ),
    OwnCase(
        "script-unsplit", "a script whose iterable dataset isn't split between 2 workers", SCRIPT,
        params={"stream": "unsplit", "step-ms": 1}, knobs=TWO_WORKERS, epochs=1,
        error_words=("isn't split",),
    ),
)  # fmt: skip
