"""Configuration: one point of the grid, a loader and the consumer that it feeds."""

from __future__ import annotations

from dataclasses import dataclass

from loaders.spec.knobs import format_value
from loaders.spec.loader_spec import LoaderSpec

# Starting a trial's process, reading the data and ending it, seconds; a CUDA context comes on top.
TRIAL_OVERHEAD_S = 0.4
CUDA_OVERHEAD_S = 4.0
# The train step of one sample, and starting and ending one worker for one epoch, on two cores: a worker
# that isn't forked from the training process imports torch.
STEP_S_PER_SAMPLE = 1e-6
FORKED_WORKER_S, FRESH_WORKER_S = 0.04, 2.0


@dataclass(frozen=True)
class Configuration:
    """One point of the grid: a loader, and the consumer that it feeds."""

    spec: LoaderSpec
    device: str
    step: str
    loss: str | None
    num_threads: int
    cuda_graph: bool = False

    def __str__(self) -> str:
        cells = self.cells()
        named = [f"{name}={cell}" for name, cell in cells.items() if name != "family" and cell]
        return " ".join([cells["family"], *named])

    def cells(self) -> dict[str, str]:
        """What tells it from other configurations, as the results write it."""
        return {
            "family": self.spec.family,
            "device": self.device,
            **{name: format_value(value) for name, value in self.spec.knobs().items()},
            "num_threads": str(self.num_threads),
            "step": self.step,
            "loss": self.loss or "",
            "cuda_graph": format_value(self.cuda_graph),
        }

    @property
    def comparison(self) -> tuple[str, str, str | None]:
        """What must be the same for a ratio of two speeds to say something about loaders."""
        return self.device, self.step, self.loss

    def invalid(self) -> str | None:
        """Why this loader and this consumer can't go together, or None where they can."""
        cuda = self.device == "cuda"
        if self.cuda_graph and not cuda:
            return "cuda_graph=on needs a CUDA device"
        if self.cuda_graph and self.step != "analytic":
            return f"cuda_graph=on captures the analytic step, step is {self.step}"
        return self.spec.invalid(cuda=cuda)

    def estimate_s(self, samples: int, epochs: int) -> float:
        """Roughly how long one trial takes, from typical rates; the progress display soon knows better."""
        knobs = self.spec.knobs()
        worker_s = FORKED_WORKER_S if knobs.get("multiprocessing_context") == "fork" else FRESH_WORKER_S
        epoch = samples / self.spec.typical_samples_per_s() + int(knobs.get("num_workers") or 0) * worker_s
        epoch += samples * STEP_S_PER_SAMPLE if self.step != "none" else 0
        overhead = TRIAL_OVERHEAD_S + (CUDA_OVERHEAD_S if self.device == "cuda" else 0)
        return overhead + epochs * epoch
