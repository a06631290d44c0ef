"""The loop of an example as a user times it by hand, with nothing of this toolkit.

Run as `python bare_example.py FOLDER WORKERS EPOCHS`. It prints the JSON list of the seconds of each epoch.
"""

from __future__ import annotations

import importlib
import json
import sys
import time


def main(folder: str, workers: int, epochs: int) -> None:
    """Train, and print how long each epoch took."""
    sys.path.insert(0, folder)
    train = importlib.import_module("train")
    loader, step = train.train_loader(num_workers=workers), train.make_step()
    times = []
    for _ in range(epochs):
        started = time.perf_counter()
        for batch in loader:
            step(batch)
        times.append(time.perf_counter() - started)
    print(json.dumps(times))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
