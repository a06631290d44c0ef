"""A training script whose parts take planned times. It knows nothing of loaderbench."""

from __future__ import annotations

import argparse
import inspect

from planted import make_planted, make_threaded_step, pause


def main() -> None:
    """Run epochs, each over all samples."""
    parser = argparse.ArgumentParser()
    for name, parameter in inspect.signature(make_planted).parameters.items():
        default = parameter.default
        # A switch is 0 or 1.
        kind = int if isinstance(default, bool) else type(default)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=kind(default))
    parser.add_argument("--step-ms", type=float, default=0.0, help="length of the loop's body")
    parser.add_argument("--step-busy", type=int, default=0, help="1 for a body that computes")
    parser.add_argument("--step-threaded", type=int, default=0, help="1 for many short torch operations")
    options = vars(parser.parse_args())
    step_s, step_busy = options.pop("step_ms") * 1e-3, bool(options.pop("step_busy"))
    threaded_step = make_threaded_step() if options.pop("step_threaded") else None
    loader = make_planted(**options)
    for _ in range(1000):
        for batch in loader:
            batch.to("cpu")
            if threaded_step is None:
                pause(step_s, busy=step_busy)
            else:
                threaded_step(batch)


if __name__ == "__main__":
    main()
