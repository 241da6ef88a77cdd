"""The training run for a custom task; ``TrainConfig.task`` is replaced by its id."""

from __future__ import annotations

from ..train_config import TrainConfig
from .recipes import small

PRESETS: dict[str, TrainConfig] = {"custom-task": small("HRMAnswer-v0")}
