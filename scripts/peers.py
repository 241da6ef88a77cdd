"""Other suites on the same machine in the same run: those of ``peers.txt`` that are installed."""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles.sudoku import tables

ROWS = 1024

Row = dict[str, Any]
Grids = Sequence[NDArray[np.int8]]


def row(name: str, value: float | None, unit: str, target: float | None = None, **more: Any) -> Row:
    """Return one figure, ``None`` where the unit says why there is none."""
    return {"name": name, "value": value, "unit": unit, "target": target, **more}


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


def envpool_steps(name: str, seconds: float, seed: int) -> float:
    """Return steps a second of ``ROWS`` EnvPool environments; only time inside ``step`` counts."""
    import envpool

    env = envpool.make_gymnasium(name, num_envs=ROWS, seed=seed, num_threads=2)
    random = np.random.default_rng(seed)
    obs, _ = env.reset()
    spent, steps = 0.0, 0
    while spent < seconds:
        mask = obs["action_mask"]
        actions = np.argmax(random.random(mask.shape) * mask, axis=1).astype(np.int32)
        begun = time.perf_counter()
        obs, *_ = env.step(actions)
        spent += time.perf_counter() - begun
        steps += ROWS
    return steps / spent


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


def timed(check: Callable[[NDArray[np.int8]], Any], grids: Grids, seconds: float) -> float:
    """Return milliseconds a grid of a check, over as many grids as the time allows."""
    begun, done = time.perf_counter(), 0
    while done < len(grids) and time.perf_counter() - begun < seconds:
        check(grids[done])
        done += 1
    return 1000 * (time.perf_counter() - begun) / done


def pycosat_uniqueness(grids: Grids, seconds: float, seed: int) -> float:
    """Return milliseconds a puzzle to count solutions, up to two, with a SAT solver."""
    import pycosat

    # A variable for every cell and digit: a digit in every cell, none twice in a unit or cell.
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

    return timed(check, grids, seconds)


def lib_sudoku_solving(grids: Grids, seconds: float, seed: int) -> float:
    """Return milliseconds a puzzle of lib-sudoku (Rust), which stops at the first solution."""
    import lib_sudoku

    return timed(lambda grid: lib_sudoku.solve(bytearray(grid.tolist())), grids, seconds)


@dataclass
class Peer:
    """Another suite's figure beside ours."""

    ours: str
    """What the name of our figure begins with."""
    package: str
    """The package, as ``pip`` knows it; its module has the name with underscores."""
    name: str
    """What is measured."""
    measure: Callable[[float, int], float]
    """The figure, in the unit of ours, from the seconds to spend and a seed."""


def peers(grids: Grids) -> list[Peer]:
    """Return every suite that is measured where it is installed; ``grids`` are for solvers."""
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
    """Yield each peer's figure and how many times better ours is, or why there is none.

    Args:
        rows: Our figures; one without a peer is passed over.
        grids: (81,) int8 grids that solvers are given.
        seconds: Time for each figure.
        seed: Seed of puzzles and actions.
    """
    for peer in peers(grids):
        ours = next((mine for mine in rows if mine["name"].startswith(peer.ours)), None)
        if ours is None:
            yield row(peer.name, None, f"not measured: no figure of ours begins with {peer.ours!r}")
            continue
        if importlib.util.find_spec(peer.package.replace("-", "_")) is None:
            reason = f"not here: pip install {peer.package}"
            yield row(peer.name, None, reason)
            continue
        try:
            value = peer.measure(seconds, seed)
        except Exception as error:  # Not our code: the other figures are still wanted.
            reason = f"failed: {type(error).__name__}: {error}"
            yield row(peer.name, None, reason)
            continue
        yield row(peer.name, value, ours["unit"])
        better = value / ours["value"] if ours.get("at_most") else ours["value"] / value
        yield row(f"{ours['name']} / {peer.name}", better, "x")
