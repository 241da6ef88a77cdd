"""Time limits: which of the wrappers around an environment count its own steps."""

from __future__ import annotations

import sys
from typing import Any

import gymnasium as gym
from gymnasium.utils import passive_env_checker as checker
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

ONE_TO_ONE = (TimeLimit, OrderEnforcing, PassiveEnvChecker)
"""Wrappers that hand on every step and every reset as it is: what ``gym.make`` builds."""
LIMITING = {TimeLimit.reset.__code__, TimeLimit.step.__code__}
HELPERS = {
    checker.env_reset_passive_checker.__code__,
    checker.env_step_passive_checker.__code__,
}
PASSING = {
    *(getattr(wrapper, name).__code__ for wrapper in ONE_TO_ONE for name in ("reset", "step")),
    gym.Wrapper.reset.__code__,
    gym.Wrapper.step.__code__,
}
CALLERS = PASSING | HELPERS


def time_limits() -> list[Any]:
    """Return the time limits that count the steps of the environment whose method asks.

    ``gym.make`` gives ``max_episode_steps`` to a wrapper and tells the environment nothing, so the
    environment could neither say in time what the last info says nor restore the count with a
    state. The wrapper's own ``reset`` or ``step`` is among the callers, and is found there. The
    first caller that is none of ``ONE_TO_ONE`` ends the search: beyond it a step may be several
    of the environment's, or none.
    """
    found = []
    # Two up is who called the environment.
    frame = sys._getframe(2)
    while frame is not None and (code := frame.f_code) in CALLERS:
        if code in PASSING:
            wrapper = frame.f_locals["self"]
            # A subclass may do anything.
            if type(wrapper) not in ONE_TO_ONE:
                break
            if code in LIMITING:
                found.append(wrapper)
        frame = frame.f_back  # type: ignore[assignment]
    return found
