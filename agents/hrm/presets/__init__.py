"""Complete configurations of training runs, by name.

Every module of this folder that defines ``PRESETS`` contributes to them; a family has one module,
which has the name of the family.
"""

from __future__ import annotations

import importlib
import pkgutil

from hrm_gym.registration import answer_id

from ..train_config import TrainConfig


def _find_presets() -> dict[str, TrainConfig]:
    """Return the presets of all modules of this folder."""
    found: dict[str, TrainConfig] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f".{module.name}", __name__)
        found |= getattr(loaded, "PRESETS", {})
    return found


PRESETS: dict[str, TrainConfig] = _find_presets()
"""Every preset. Of several presets for one environment, the last one is the default."""


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
