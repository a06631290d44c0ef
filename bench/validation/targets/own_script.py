"""A training script whose dataset and loop body take a planned time. It knows nothing of loaderbench."""

from __future__ import annotations

import argparse
from typing import Any

from own_targets import make_loader, make_stream
from pacing import wait


def main() -> None:
    """Run epochs, each over all samples."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=20)
    parser.add_argument("--sample-ms", type=float, default=0.0)
    parser.add_argument("--first-ms", type=float, default=0.0, help="what the first sample takes besides")
    parser.add_argument("--collate-ms", type=float, default=0.0)
    parser.add_argument("--step-ms", type=float, default=0.0, help="length of the loop's body")
    parser.add_argument("--stream", metavar="FAULT", help="an iterable dataset with this fault instead")
    arguments = parser.parse_args()
    loader: Any
    if arguments.stream:
        loader = make_stream(arguments.samples, arguments.batch_size, arguments.sample_ms, arguments.stream)
    else:
        loader = make_loader(
            arguments.samples,
            arguments.batch_size,
            arguments.sample_ms,
            arguments.first_ms,
            arguments.collate_ms,
        )
    for _ in range(1000):
        for _batch in loader:
            wait(arguments.step_ms * 1e-3)


if __name__ == "__main__":
    main()
