"""Configuration: one point of the grid, a loader and its consumer."""

from __future__ import annotations

from dataclasses import dataclass

from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import format_value

# Seconds to start a trial's process, read the data and end it; a CUDA context comes on top.
TRIAL_OVERHEAD_S = 0.4
CUDA_OVERHEAD_S = 4.0
# Seconds of the train step for one sample, on two cores.
STEP_S_PER_SAMPLE = 1e-6
# Seconds to start and end one worker, on two cores. One that isn't forked imports torch.
FORKED_WORKER_S, FRESH_WORKER_S = 0.04, 2.0


@dataclass(frozen=True)
class Configuration:
    """One point of the grid: a loader, and the train step that it feeds.

    Attributes:
        spec: the loader.
        device: `cpu` or `cuda`.
        step: `analytic`, `autograd`, or `none` for the loader alone.
        loss: loss of the train step; None without one.
        num_threads: threads of torch in the training process.
        cuda_graph: whether CUDA graphs hold the step.
    """

    spec: KnobSet
    device: str
    step: str
    loss: str | None
    num_threads: int
    cuda_graph: bool = False

    def __str__(self) -> str:
        cells = self.cells()
        named = [
            f"{name}={cell}"
            for name, cell in cells.items()
            if name != "family" and (name == "step" or cell not in ("", "none"))
        ]
        return " ".join([cells["family"], *named])

    def cells(self) -> dict[str, str]:
        """Return the cells that tell it from other configurations, as the results write them."""
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
        """Device, step and loss: only configurations that agree in them have a meaningful ratio."""
        return self.device, self.step, self.loss

    def invalid(self) -> str | None:
        """Return the reason why this loader and this consumer can't be combined; None where they can."""
        cuda = self.device == "cuda"
        if self.cuda_graph and not cuda:
            return "cuda_graph=on needs a CUDA device"
        if self.cuda_graph and self.step != "analytic":
            return f"cuda_graph=on captures the analytic step, step is {self.step}"
        return self.spec.invalid(cuda=cuda)

    def estimate_s(self, samples: int, epochs: int) -> float:
        """Estimate the seconds of one trial from typical rates, for the progress display to begin with.

        Args:
            samples: samples of an epoch.
            epochs: epochs of the trial.
        """
        knobs = self.spec.knobs()
        worker_s = FORKED_WORKER_S if knobs.get("multiprocessing_context") == "fork" else FRESH_WORKER_S
        epoch = samples / self.spec.typical_samples_per_s() + int(knobs.get("num_workers") or 0) * worker_s
        epoch += samples * STEP_S_PER_SAMPLE if self.step != "none" else 0
        overhead = TRIAL_OVERHEAD_S + (CUDA_OVERHEAD_S if self.device == "cuda" else 0)
        return overhead + epochs * epoch
