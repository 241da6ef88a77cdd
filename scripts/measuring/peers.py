"""Other suites on the same machine in the same run, if they are installed; see ``peers.txt``."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles.sudoku import tables

from .timing import calls_per_second, seconds_per_call

ROWS = 1024
"""Number of environments in every vectorized environment."""

Row = dict[str, Any]
Grids = Sequence[NDArray[np.int8]]


def row(name: str, value: float | None, unit: str, target: float | None = None, **more: Any) -> Row:
    """Return the row of one figure; its value is ``None`` if the unit says why there is none."""
    return {"name": name, "value": value, "unit": unit, "target": target, **more}


def jumanji_steps(name: str, seconds: float, seed: int) -> float:
    """Return the steps per second of ``ROWS`` Jumanji environments, jitted, with autoreset.

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

    return calls_per_second(call, seconds) * ROWS * length


def envpool_steps(name: str, seconds: float, seed: int) -> float:
    """Return the steps per second of ``ROWS`` EnvPool environments; only ``step`` is timed."""
    import envpool

    env = envpool.make_gymnasium(name, num_envs=ROWS, seed=seed, num_threads=2)
    random = np.random.default_rng(seed)
    obs, _ = env.reset()
    actions = np.zeros(ROWS, np.int32)

    def choose() -> None:
        mask = obs["action_mask"]
        actions[:] = np.argmax(random.random(mask.shape) * mask, axis=1)

    def step() -> None:
        nonlocal obs
        obs, *_ = env.step(actions)

    return ROWS / seconds_per_call(step, seconds, before=choose)


def minigrid_steps(seconds: float, seed: int) -> float:
    """Return the steps per second of one Minigrid environment with random actions."""
    import gymnasium as gym
    import minigrid  # noqa: F401 - registers its environments

    env = gym.make("MiniGrid-FourRooms-v0", disable_env_checker=True)
    env.reset(seed=seed)
    actions = iter(np.random.default_rng(seed).integers(3, size=10**7))

    def call() -> None:
        _, _, terminated, truncated, _ = env.step(int(next(actions)))
        if terminated or truncated:
            env.reset()

    return calls_per_second(call, seconds)


def reasoning_gym_puzzles(seconds: float, seed: int) -> float:
    """Return the Sudokus per second of reasoning-gym's generator."""
    import reasoning_gym

    puzzles = reasoning_gym.create_dataset("sudoku", size=10**6, seed=seed)
    numbers = iter(range(10**6))
    return calls_per_second(lambda: puzzles[next(numbers)], seconds)


def milliseconds_per_grid(
    check: Callable[[NDArray[np.int8]], Any], grids: Grids, seconds: float
) -> float:
    """Return the mean duration of a check in milliseconds, over the grids in turn."""
    chosen = itertools.cycle(grids)
    return 1000 * seconds_per_call(lambda: check(next(chosen)), seconds)


def pycosat_uniqueness(grids: Grids, seconds: float, seed: int) -> float:
    """Return the milliseconds in which a SAT solver counts the solutions of a puzzle, up to two."""
    import pycosat

    # One variable for every cell and digit. Every cell has a digit, and no cell or unit has two
    # equal ones.
    variable = np.arange(1, 730).reshape(81, 9)
    clauses = variable.tolist()
    exclusive = [*variable, *(variable[unit, d] for unit in tables(3, 3).units for d in range(9))]
    clauses += [
        [-int(a), -int(b)] for group in exclusive for a, b in itertools.combinations(group, 2)
    ]

    def check(grid: NDArray[np.int8]) -> None:
        givens = [[int(variable[cell, grid[cell] - 1])] for cell in np.flatnonzero(grid)]
        found = list(itertools.islice(pycosat.itersolve(clauses + givens), 2))
        assert len(found) == 1

    return milliseconds_per_grid(check, grids, seconds)


def lib_sudoku_solving(grids: Grids, seconds: float, seed: int) -> float:
    """Return the milliseconds of lib-sudoku (Rust), which stops at the first solution."""
    import lib_sudoku

    return milliseconds_per_grid(
        lambda grid: lib_sudoku.solve(bytearray(grid.tolist())), grids, seconds
    )


@dataclass
class Peer:
    """A figure of another suite, compared with one of ours."""

    ours: str
    """Start of the name of our figure."""
    package: str
    """Name of the package for ``pip``; its module has the same name with underscores."""
    name: str
    """Name of the figure."""
    measure: Callable[[float, int], float]
    """Returns the figure in the unit of ours, given the seconds to spend and a seed."""


def peers(grids: Grids) -> list[Peer]:
    """Return the figures of every suite, installed or not; ``grids`` are for solvers."""
    vector = f"vmap x {ROWS}"
    return [
        Peer(
            f"HRMSudoku-v0 vector x {ROWS}, masks",
            "jumanji",
            f"Jumanji Sudoku, {vector}",
            partial(jumanji_steps, "Sudoku-v0"),
        ),
        Peer(
            f"HRMMaze-v0 vector x {ROWS}",
            "jumanji",
            f"Jumanji Maze 10x10, {vector}",
            partial(jumanji_steps, "Maze-v0"),
        ),
        Peer(
            f"HRMMaze-v0 vector x {ROWS}",
            "envpool",
            f"EnvPool Jumanji/Maze 10x10 x {ROWS}, 2 threads",
            partial(envpool_steps, "Jumanji/Maze-v0"),
        ),
        Peer("HRMMaze-v0 single", "minigrid", "Minigrid FourRooms", minigrid_steps),
        Peer(
            "HRMSudoku-v0 generation",
            "reasoning-gym",
            "reasoning-gym Sudoku generator, 1 process",
            reasoning_gym_puzzles,
        ),
        Peer(
            "uniqueness check",
            "pycosat",
            "pycosat, solutions counted to two",
            partial(pycosat_uniqueness, grids),
        ),
        Peer(
            "uniqueness check",
            "lib-sudoku",
            "lib-sudoku, first solution only",
            partial(lib_sudoku_solving, grids),
        ),
    ]


def figures(rows: Sequence[Row], grids: Grids, seconds: float, seed: int) -> Iterator[Row]:
    """Yield the figure of every peer and how many times better ours is, or why there is none.

    Args:
        rows: Our figures; those without a peer are ignored.
        grids: ``(81,)`` int8 grids, which the solvers solve.
        seconds: Time to spend on each figure.
        seed: Seed of puzzles and actions.
    """
    for peer in peers(grids):
        ours = next((mine for mine in rows if mine["name"].startswith(peer.ours)), None)
        if ours is None:
            yield row(peer.name, None, f"not measured: no figure of ours begins with {peer.ours!r}")
            continue
        if importlib.util.find_spec(peer.package.replace("-", "_")) is None:
            reason = f"not installed: pip install {peer.package}"
            yield row(peer.name, None, reason)
            continue
        try:
            value = peer.measure(seconds, seed)
        except Exception as error:  # It is not our code, and the other figures are still wanted.
            reason = f"failed: {type(error).__name__}: {error}"
            yield row(peer.name, None, reason)
            continue
        yield row(peer.name, value, ours["unit"])
        better = value / ours["value"] if ours.get("at_most") else ours["value"] / value
        yield row(f"{ours['name']} / {peer.name}", better, "x")
