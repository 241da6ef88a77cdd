"""Other suites on the same machine in the same run: those of ``peers.txt`` that are installed."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

ROWS = 1024


def rate(call: Callable[[], Any], seconds: float) -> float:
    """Return calls a second, after one that does not count."""
    call()
    begun, calls = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        call()
        calls += 1
    return calls / (time.perf_counter() - begun)


def jumanji_steps(name: str, seconds: float, seed: int) -> float:
    """Return steps a second of ``ROWS`` Jumanji environments, jitted, with autoreset.

    The choice of a legal action is part of the compiled step, as in Jumanji's own rollouts.
    """
    import jax
    import jumanji
    from jumanji.wrappers import AutoResetWrapper, VmapWrapper

    env = VmapWrapper(AutoResetWrapper(jumanji.make(name)))
    state, timestep = jax.jit(env.reset)(jax.random.split(jax.random.PRNGKey(seed), ROWS))
    length = 10

    def choose(key: Any, mask: Any) -> Any:
        flat = mask.reshape(-1)
        action = jax.random.categorical(key, jax.numpy.where(flat, 0.0, -jax.numpy.inf))
        shape = mask.shape
        return (
            action if len(shape) == 1 else jax.numpy.stack(jax.numpy.unravel_index(action, shape))
        )

    def one(carry: Any, key: Any) -> Any:
        state, timestep = carry
        keys = jax.random.split(key, ROWS)
        actions = jax.vmap(choose)(keys, timestep.observation.action_mask)
        return env.step(state, actions), None

    @jax.jit
    def several(carry: Any, key: Any) -> Any:
        return jax.lax.scan(one, carry, jax.random.split(key, length))[0]

    carry, keys = (state, timestep), iter(jax.random.split(jax.random.PRNGKey(seed + 1), 1 << 16))

    def call() -> None:
        nonlocal carry
        carry = jax.block_until_ready(several(carry, next(keys)))

    return rate(call, seconds) * ROWS * length


def minigrid_steps(seconds: float, seed: int) -> float:
    """Return steps a second of one Minigrid environment with random actions."""
    import gymnasium as gym
    import minigrid  # noqa: F401 - registers its environments

    env = gym.make("MiniGrid-FourRooms-v0", disable_env_checker=True)
    env.reset(seed=seed)
    actions = iter(np.random.default_rng(seed).integers(3, size=10**7))

    def call() -> None:
        _, _, terminated, truncated, _ = env.step(int(next(actions)))
        if terminated or truncated:
            env.reset()

    return rate(call, seconds)


def reasoning_gym_puzzles(seconds: float, seed: int) -> float:
    """Return Sudokus a second of reasoning-gym's generator."""
    import reasoning_gym

    puzzles = reasoning_gym.create_dataset("sudoku", size=10**6, seed=seed)
    numbers = iter(range(10**6))
    return rate(lambda: puzzles[next(numbers)], seconds)


PEERS: list[tuple[str, str, str, Callable[[float, int], float]]] = [
    (
        f"HRMSudoku-v0 vector x {ROWS}, masks",
        "jumanji",
        f"Jumanji Sudoku, vmap x {ROWS}",
        lambda seconds, seed: jumanji_steps("Sudoku-v0", seconds, seed),
    ),
    (
        f"HRMMaze-v0 vector x {ROWS}",
        "jumanji",
        f"Jumanji Maze 10x10, vmap x {ROWS}",
        lambda seconds, seed: jumanji_steps("Maze-v0", seconds, seed),
    ),
    ("HRMMaze-v0 single", "minigrid", "Minigrid FourRooms", minigrid_steps),
    (
        "HRMSudoku-v0 reset",
        "reasoning_gym",
        "reasoning-gym Sudoku generator",
        reasoning_gym_puzzles,
    ),
]
"""Our figure, the module to look for, the peer's name, and how it is measured."""


def figures(seconds: float, seed: int) -> Iterator[tuple[str, str, float]]:
    """Yield the name of our figure, the peer's name and its figure, of each that is installed."""
    for ours, module, name, call in PEERS:
        if importlib.util.find_spec(module) is not None:
            yield ours, name, call(seconds, seed)
