"""Means over the steps of a run, summed on the device until they are read."""

from __future__ import annotations

import torch
from torch import Tensor

from ..inference.calibration import calibration_error
from .distributed import World


class Means:
    """Sums of the metrics of ``segment_loss``.

    Attributes:
        sums: 0-d float64 tensors by name, and ``calibration``, see ``calibration_counts``.
    """

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}

    def add(self, metrics: dict[str, Tensor], good: Tensor) -> None:
        """Add the sums of a step; a step that is not ``good`` is left out, it may be NaN."""
        for name, value in metrics.items():
            value = torch.where(good, value.double(), 0.0)
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    def read(self, world: World) -> dict[str, float]:
        """Return the means over all ranks, and reset the sums; this waits for the device.

        ``exact_accuracy``, ``accuracy``, ``q_halt_accuracy`` and ``segments`` are means over
        finished episodes; ``success_rate``, ``q_halt`` (the predicted rate) and
        ``calibration_error`` are taken over all segments.

        Args:
            world: The processes of the run.
        """
        world.sum_(self.sums.values())
        calibration = self.sums.pop("calibration", torch.zeros(3, 1))
        sums = {name: float(value) for name, value in self.sums.items()}
        self.sums = {}
        rows = max(sums.get("rows", 0.0), 1.0)
        count = max(sums.get("count", 0.0), 1.0)
        per_row = ("loss", "lm_loss", "q_halt_loss", "q_continue_loss")
        per_episode = ("accuracy", "exact_accuracy", "q_halt_accuracy")
        _, predicted, right = (float(part) for part in calibration.sum(1))
        return {
            **{name: sums[name] / rows for name in per_row if name in sums},
            **{name: sums.get(name, 0.0) / count for name in per_episode},
            "segments": sums.get("steps", 0.0) / count,
            "episodes": sums.get("count", 0.0),
            "q_halt": predicted / rows,
            "success_rate": right / rows,
            "calibration_error": calibration_error(calibration),
        }
