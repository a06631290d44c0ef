"""FeedingRates: the rates of a loader that feeds a GPU, and of its ceilings, beside their targets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

BATCH_SIZES = (256, 1024, 4096)
# Least rates on an H100, in millions of samples a second, by the loader and its batch size.
LEAST_RATES = {("device_resident", 256): 10.0, ("device_resident", 4096): 60.0}
# Least shares of the lowest ceiling. An epoch may take 1.3 times as long as the same graphs on batches that
# are there already.
LEAST_SHARES = {"device_resident": 1 / 1.3, "tensor_slice": 0.9}
FILES = "rates-*.json"
# The name of no device.
REHEARSAL = "rehearsal"


@dataclass(frozen=True)
class FeedingRates:
    """The rates of a loader and of its ceilings, measured in turn.

    Attributes:
        loader: name of the loader's family.
        batch_size: samples in a batch.
        device: name of the GPU; `rehearsal` for none.
        training: millions of samples a second through training, one for each turn.
        ceilings: the same of each ceiling by its name.
    """

    loader: str
    batch_size: int
    device: str
    training: list[float]
    ceilings: dict[str, list[float]]

    @property
    def share(self) -> float:
        """Median over the turns of the share of the lowest ceiling that is reached."""
        turns = zip(self.training, *self.ceilings.values(), strict=True)
        return median(reached / min(ceilings) for reached, *ceilings in turns)

    def write(self, folder: Path) -> None:
        """Write the rates into a folder, as a file of their own."""
        path = folder / FILES.replace("*", f"{self.loader}-{self.batch_size}")
        path.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")

    def list_lines(self) -> Iterator[str]:
        """Yield the median rates with their quartiles."""
        for name, rates in {**self.ceilings, f"{self.loader}, training": self.training}.items():
            low, middle, high = quantiles(rates, n=4)
            yield f"  {name:32} {middle:8.2f} M samples/s (quartiles {low:.2f} to {high:.2f})"

    def judge(self) -> str:
        """Return rate and share in one line, each with its target on an H100."""
        name = f"{self.loader}, batch size {self.batch_size}"
        if self.device == REHEARSAL:
            return f"{name}: rehearsed; these rates say nothing of a GPU"
        return (
            f"{name}: {median(self.training):.2f} M samples/s"
            f"{_judge(median(self.training), LEAST_RATES.get((self.loader, self.batch_size)))}; "
            f"{self.share:.2f} of the lowest of {', '.join(self.ceilings)}"
            f"{_judge(self.share, LEAST_SHARES[self.loader])}"
        )


def _judge(reached: float, least: float | None) -> str:
    if least is None:
        return ""
    return f" (target {least:.3g}: {'reached' if reached >= least else 'missed'})"


def describe_rates(folder: Path) -> list[str]:
    """Return a line for each file of rates in a folder, without those of a rehearsal.

    Args:
        folder: folder that rates were written to.
    """
    found = []
    for path in folder.glob(FILES):
        try:
            found.append(FeedingRates(**json.loads(path.read_text(encoding="utf-8"))))
        except ValueError:
            # A run that was killed may have left half a file.
            continue
    ordered = sorted(found, key=lambda rates: (rates.loader, rates.batch_size))
    return [rates.judge() for rates in ordered if rates.device != REHEARSAL]
