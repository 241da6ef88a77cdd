"""Environments: steps and resets per second, puzzle generation and uniqueness checks.

Actions are random and legal; for ARC, most paint a cell of the canvas and one in ``PAINTED``
submits it. Only ``step`` is timed, and for a single environment ``reset`` at the end of an
episode, not the choice of actions. Vectorized environments replay a rollout that was drawn before.
Other suites (``pip install -r scripts/peers.txt``) are measured in the same run if they are
installed. The last rows are the remaining ids, for the pages of the documentation.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from hrm_gym import ENV_IDS
from hrm_gym.envs.arc import SUBMIT, ArcEnv
from hrm_gym.puzzles.arc import COLOURS
from hrm_gym.scripts.measuring.peers import ROWS, Row, figures, row
from hrm_gym.scripts.measuring.timing import calls_per_second, seconds_per_call, timed

PUZZLES = 300
"""Number of puzzles in the uniqueness check."""
SAMPLES = 8
"""Number of actions drawn in advance and played in turn, if every action is legal."""
ROLLOUT = 64
"""Number of steps in the rollout of a vectorized environment, which is replayed."""
PAINTED = 100
"""Mean number of ARC actions from one submit to the next."""


def vector_steps(env_id: str, seconds: float, seed: int, **kwargs: Any) -> float:
    """Return the steps per second of a native vectorized environment with ``ROWS`` rows.

    A rollout is drawn first and timed when it is replayed, because the choice of a legal action
    reads up to 729 entries per row, which would empty the caches between two steps.
    """
    env = gym.make_vec(env_id, num_envs=ROWS, autoreset_mode="SameStep", **kwargs)
    env.reset(seed=seed)
    env.action_space.seed(seed)
    inner: Any = env.unwrapped
    random = np.random.default_rng(seed)
    drawn = itertools.cycle([env.action_space.sample() for _ in range(SAMPLES)])

    def choose() -> Any:
        if not hasattr(inner, "action_masks"):
            return next(drawn)
        legal = inner.action_masks()
        order = random.permutation(legal.shape[1])
        return order[np.argmax(legal[:, order], axis=1)]

    # After enough steps, episodes end at every step instead of in all rows at once.
    spent = 0.0
    while spent < 0.5 * seconds:
        spent += timed(lambda: env.step(choose()))[1]
    state, rollout = inner.get_state(), []
    for _ in range(ROLLOUT):
        rollout.append(choose())
        env.step(rollout[-1])

    def replay() -> None:
        for actions in rollout:
            env.step(actions)

    per_rollout = seconds_per_call(replay, seconds, before=lambda: inner.set_state(state))
    return ROLLOUT * ROWS / per_rollout


def single_steps(env_id: str, seconds: float, seed: int) -> float:
    """Return the steps per second through ``gym.make``, without Gymnasium's run-time checks."""
    env = gym.make(env_id, disable_env_checker=True)
    _, info = env.reset(seed=seed)
    env.action_space.seed(seed)
    random = np.random.default_rng(seed)
    drawn = itertools.cycle([env.action_space.sample() for _ in range(SAMPLES)])
    action: Any = None

    def choose() -> None:
        nonlocal action
        if isinstance(env.unwrapped, ArcEnv):
            action = arc_action(env.unwrapped, random)
        elif isinstance(env.action_space, gym.spaces.Discrete):
            legal = np.flatnonzero(info["action_mask"])
            action = int(legal[random.integers(len(legal))])
        else:
            action = next(drawn)

    def step() -> None:
        nonlocal info
        _, _, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            _, info = env.reset()

    return 1 / seconds_per_call(step, seconds, before=choose)


def arc_action(env: ArcEnv, random: np.random.Generator) -> NDArray[np.int64]:
    """Return an action that changes or submits the canvas of an ARC environment.

    Nearly all of the action space lies outside the canvas, where an action changes nothing.
    """
    if random.integers(PAINTED) == 0:
        return np.array([SUBMIT, 0, 0])
    return random.integers(0, (COLOURS, *env.canvas.shape))


def every_id(seconds: float, seed: int, known: set[str]) -> Iterator[Row]:
    """Yield the steps per second of every id whose row is not among the known ones."""
    for env_id in ENV_IDS:
        figures = {f"{env_id} single": single_steps}
        if gym.spec(env_id).vector_entry_point is not None:
            figures[f"{env_id} vector x {ROWS}"] = vector_steps
        for name, figure in figures.items():
            if name not in known:
                yield row(name, figure(env_id, seconds, seed), "steps/s")


def vector_resets(env_id: str, seconds: float, seed: int) -> float:
    """Return the episodes per second that a vectorized environment starts."""
    env = gym.make_vec(env_id, num_envs=ROWS)
    env.reset(seed=seed)
    return calls_per_second(lambda: env.reset(), seconds) * ROWS


def generate(first: int, seconds: float) -> float:
    """Return the certified 9x9 puzzles per second that one process generates."""
    from hrm_gym.puzzles.sudoku import Sudoku

    task = Sudoku(9)
    key = iter(range(first, first + (1 << 40)))
    return calls_per_second(lambda: task.generate(next(key)), seconds)


def generation(seconds: float, processes: int, seed: int) -> float:
    """Return the certified 9x9 puzzles per second that all processes generate."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        firsts = [(seed + 1) * (number + 1) << 44 for number in range(processes)]
        return sum(pool.map(generate, firsts, [seconds] * processes))


def hard_grids(data: Any) -> tuple[str, list[NDArray[np.int8]]]:
    """Return the name and the hardest 9x9 grids of a CSV file, or of the bank by default."""
    from hrm_gym.data import load_puzzles
    from hrm_gym.puzzles.sudoku import Sudoku

    task = Sudoku(9)
    puzzles = load_puzzles(task, "bank" if data is None else str(data), "ood")
    hardest = np.argsort(-puzzles.ratings, kind="stable")[:PUZZLES]
    name = "the bank's hardest" if data is None else data.name
    return name, [task.grid(puzzles.inputs[i]) for i in hardest]


def uniqueness(grids: list[NDArray[np.int8]]) -> float:
    """Return the mean milliseconds of ``count_solutions`` for a puzzle."""
    from hrm_gym.puzzles.sudoku import count_solutions

    count_solutions(grids[0])
    counts, spent = timed(lambda: [count_solutions(grid) for grid in grids])
    assert counts == [1] * len(grids)
    return 1000 * spent / len(grids)


def measure(args: Any) -> list[Row]:
    """Return our rows, then those of other suites, then those of the remaining ids."""
    seconds, seed = args.seconds, args.seed
    source, grids = hard_grids(args.data)
    rows = [
        row(
            f"HRMSudoku-v0 vector x {ROWS}",
            vector_steps("HRMSudoku-v0", seconds, seed), "steps/s", 5e6,
        ),
        row(
            f"HRMSudoku-v0 vector x {ROWS}, masks",
            vector_steps("HRMSudoku-v0", seconds, seed, masks=True), "steps/s", 1.5e6,
        ),
        row(
            f"HRMMaze-v0 vector x {ROWS}",
            vector_steps("HRMMaze-v0", seconds, seed), "steps/s", 5e6,
        ),
        row("HRMSudoku-v0 single", single_steps("HRMSudoku-v0", seconds, seed), "steps/s", 1e5),
        row("HRMMaze-v0 single", single_steps("HRMMaze-v0", seconds, seed), "steps/s", 1e5),
        row("HRMSudoku-v0 reset", vector_resets("HRMSudoku-v0", seconds, seed), "resets/s", 1e5),
        row(
            f"HRMSudoku-v0 generation, {args.threads} processes",
            generation(seconds, args.threads, seed), "puzzles/s", 5e3,
        ),
        row(f"uniqueness check, {source}", uniqueness(grids), "ms", 1.0, at_most=True),
    ]  # fmt: skip
    known = {item["name"] for item in rows}
    rows += figures(rows.copy(), grids, seconds, seed)
    rows += every_id(seconds, seed, known)
    return rows
