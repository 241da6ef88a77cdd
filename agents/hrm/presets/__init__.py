"""Complete configurations of training runs, by name.

A module with the name of a family contains its presets, ``PRESETS``. It may also contain the id of
the task for which checkpoints of the public code exist, ``PUBLISHED_TASK``, and learning rates of
the plain transformer, ``TRANSFORMER_RATES``. A family without a module has a small preset for each
of its sizes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hrm_gym.families import family_module
from hrm_gym.registration import FAMILIES, TABLE, answer_id

from ..train_config import TrainConfig
from .custom import PRESETS as CUSTOM_PRESETS
from .recipes import small


def default_presets(families: Collection[str]) -> dict[str, TrainConfig]:
    """Return small presets of families, for each of their Answer environments by the task's id."""
    found: dict[str, TrainConfig] = {}
    for row in TABLE:
        task = str(row.kwargs.get("task"))
        if row.id == row.answer_id and any(
            task == family or task.startswith(f"{family}-") for family in families
        ):
            # ``HRMAnswer-v0`` comes after the environment of its default task.
            found.setdefault(task, small(row.id))
    return found


MODULES: dict[str, Any] = {
    family: module for family in FAMILIES if (module := family_module(__name__, family)) is not None
}
"""The modules of the families that have one."""
PRESETS: dict[str, TrainConfig] = {
    **{name: preset for module in MODULES.values() for name, preset in module.PRESETS.items()},
    **default_presets(FAMILIES.keys() - MODULES.keys()),
    **CUSTOM_PRESETS,
}
"""Every preset. Of several presets for one environment, the last one is the default."""
PUBLISHED_TASKS: dict[str, str] = {
    family: module.PUBLISHED_TASK
    for family, module in MODULES.items()
    if hasattr(module, "PUBLISHED_TASK")
}
"""Ids of the tasks of published checkpoints, by family."""
TRANSFORMER_RATES: dict[str, float] = {
    env: rate
    for module in MODULES.values()
    for env, rate in getattr(module, "TRANSFORMER_RATES", {}).items()
}
"""Learning rates of the plain transformer that differ from the HRM's, by Answer environment."""


def get_preset(name: str) -> TrainConfig:
    """Return a preset.

    Raises:
        ValueError: if no preset has this name.
    """
    if name not in PRESETS:
        raise ValueError(f"preset: expected one of {', '.join(sorted(PRESETS))}, got {name!r}")
    return PRESETS[name]


def preset_for(env_id: str) -> str:
    """Return the name of the default preset of a step or Answer environment.

    Raises:
        ValueError: if no preset trains on the environment.
    """
    wanted = answer_id(env_id)
    names = [name for name, config in PRESETS.items() if config.env == wanted]
    if not names:
        raise ValueError(f"env: no preset trains an HRM on {env_id}")
    return names[-1]
