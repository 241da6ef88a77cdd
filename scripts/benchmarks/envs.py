"""Environments: steps and resets a second, generation and uniqueness checks, beside other suites.

Actions are random and legal (for ARC: most paint a cell of the canvas, one in ``PAINTED`` submits),
autoreset is on. Only the time inside ``step`` (and, where an episode of a single environment ends,
``reset``) counts, not the choice of actions; vectors play a rollout again that was drawn before. A
suite that is installed (``pip install -r scripts/peers.txt``) is measured in the same run. Last
come the single environment of every id and the native vector where it has one, for the pages of
the documentation.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from hrm_gym import ENV_IDS
from hrm_gym.envs.arc import SUBMIT, ArcEnv
from hrm_gym.puzzles.arc import COLOURS
from hrm_gym.scripts.peers import ROWS, Row, figures, rate, row

PUZZLES = 300
"""Puzzles of a uniqueness check."""
SAMPLES = 8
"""Actions drawn beforehand and played in turn, where every action of the space is legal."""
ROLLOUT = 64
"""Steps of a vector's rollout, which is played again and again."""

PAINTED = 100
"""ARC actions to a submit."""


def vector_steps(env_id: str, seconds: float, seed: int, **kwargs: Any) -> float:
    """Return steps a second of a native vector of ``ROWS`` rows.

    A rollout is drawn, and then played again on the clock: to choose a legal action reads masks of
    up to 729 entries a row, which would empty the caches between two steps.
    """
    env = gym.make_vec(env_id, num_envs=ROWS, autoreset_mode="SameStep", **kwargs)
    env.reset(seed=seed)
    env.action_space.seed(seed)
    own: Any = env.unwrapped
    random = np.random.default_rng(seed)
    # Loads the compiled kernel.
    env.step(env.action_space.sample())
    drawn = itertools.cycle([env.action_space.sample() for _ in range(SAMPLES)])

    def choose() -> Any:
        if not hasattr(own, "action_masks"):
            return next(drawn)
        legal = own.action_masks()
        order = random.permutation(legal.shape[1])
        return order[np.argmax(legal[:, order], axis=1)]

    def timed(rollout: Iterable[Any]) -> float:
        spent = 0.0
        for actions in rollout:
            begun = time.perf_counter()
            env.step(actions)
            spent += time.perf_counter() - begun
        return spent

    spent = 0.0
    # Brings the rows apart, so that episodes end in every step.
    while spent < 0.5 * seconds:
        spent += timed(choose() for _ in range(SAMPLES))
    state, rollout = own.get_state(), []
    for _ in range(ROLLOUT):
        rollout.append(choose())
        env.step(rollout[-1])
    spent, steps = 0.0, 0
    while spent < seconds:
        own.set_state(state)
        spent += timed(rollout)
        steps += ROLLOUT * ROWS
    return steps / spent


def single_steps(env_id: str, seconds: float, seed: int) -> float:
    """Return steps a second through ``gym.make``, without Gymnasium's run-time checks."""
    env = gym.make(env_id, disable_env_checker=True)
    _, info = env.reset(seed=seed)
    env.action_space.seed(seed)
    random = np.random.default_rng(seed)
    drawn = itertools.cycle([env.action_space.sample() for _ in range(SAMPLES)])
    spent, steps = 0.0, 0
    while spent < seconds:
        action = next(drawn)
        if isinstance(env.unwrapped, ArcEnv):
            action = arc_action(env.unwrapped, random)
        elif isinstance(env.action_space, gym.spaces.Discrete):
            legal = np.flatnonzero(info["action_mask"])
            action = int(legal[random.integers(len(legal))])
        begun = time.perf_counter()
        _, _, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            _, info = env.reset()
        spent += time.perf_counter() - begun
        steps += 1
    return steps / spent


def arc_action(env: ArcEnv, random: np.random.Generator) -> NDArray[np.int64]:
    """Return an action that changes or submits the canvas of an ARC environment.

    Nearly all of the action space lies outside the canvas, where nothing would be done.
    """
    if random.integers(PAINTED) == 0:
        return np.array([SUBMIT, 0, 0])
    return random.integers(0, (COLOURS, *env.canvas.shape))


def every_id(seconds: float, seed: int, known: set[str]) -> Iterator[Row]:
    """Yield the steps a second of every id whose row is not among the known ones."""
    for env_id in ENV_IDS:
        figures = {f"{env_id} single": single_steps}
        if gym.spec(env_id).vector_entry_point is not None:
            figures[f"{env_id} vector x {ROWS}"] = vector_steps
        for name, figure in figures.items():
            if name not in known:
                yield row(name, figure(env_id, seconds, seed), "steps/s")


def vector_resets(env_id: str, seconds: float, seed: int) -> float:
    """Return episodes begun a second (puzzle, symmetry and observation) in a vector."""
    env = gym.make_vec(env_id, num_envs=ROWS)
    env.reset(seed=seed)
    return rate(lambda: env.reset(), seconds) * ROWS


def generate(first: int, seconds: float) -> float:
    """Return certified 9x9 puzzles a second that one process makes."""
    from hrm_gym.puzzles.sudoku import Sudoku

    task = Sudoku(9)
    key = iter(range(first, first + (1 << 40)))
    return rate(lambda: task.generate(next(key)), seconds)


def generation(seconds: float, processes: int, seed: int) -> float:
    """Return certified 9x9 puzzles a second over all processes."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        firsts = [(seed + 1) * (number + 1) << 44 for number in range(processes)]
        return sum(pool.map(generate, firsts, [seconds] * processes))


def hard_grids(data: Any) -> tuple[str, list[NDArray[np.int8]]]:
    """Return where hard 9x9 grids come from, and the grids: a CSV file, or the bank's hardest."""
    from hrm_gym.data import load_puzzles
    from hrm_gym.puzzles.sudoku import Sudoku

    task = Sudoku(9)
    puzzles = load_puzzles(task, "bank" if data is None else str(data), "ood")
    hardest = np.argsort(-puzzles.ratings, kind="stable")[:PUZZLES]
    name = "the bank's hardest" if data is None else data.name
    return name, [task.grid(puzzles.inputs[i]) for i in hardest]


def uniqueness(grids: list[NDArray[np.int8]]) -> float:
    """Return milliseconds a puzzle of ``count_solutions``."""
    from hrm_gym.puzzles.sudoku import count_solutions

    count_solutions(grids[0])
    begun = time.perf_counter()
    counts = [count_solutions(grid) for grid in grids]
    spent = time.perf_counter() - begun
    assert counts == [1] * len(grids)
    return 1000 * spent / len(grids)


def measure(args: Any) -> list[Row]:
    """Return every figure, ours first and then what installed suites reach."""
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
    own = {item["name"] for item in rows}
    rows += figures(rows.copy(), grids, seconds, seed)
    rows += every_id(seconds, seed, own)
    return rows
