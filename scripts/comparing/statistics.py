"""What several seeds say together: interquartile means, intervals, probability of improvement.

As Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
through their library rliable: the bootstrap is stratified, so that every environment keeps its
number of seeds. A cell that failed or diverged counts as one that solved nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrm_gym.extras import missing_extra

from .cell import AgentResult

REPEATS = 2000
"""Bootstrap samples; a probability of improvement costs much more a time, and takes half."""


class Estimate(NamedTuple):
    """A number and its 95% interval."""

    value: float
    low: float
    high: float


def check_installed() -> None:
    """Refuse to begin what could not be evaluated.

    Raises:
        ValueError: rliable is not installed.
    """
    try:
        import rliable  # noqa: F401
    except ImportError:
        raise ValueError(missing_extra("seeds: an interval over seeds", "compare")) from None


def scores(results: Sequence[AgentResult], agent: str, split: str) -> NDArray[np.float64]:
    """Return solve rates, ``(seeds, environments)``; 0 where a cell failed.

    An environment on which every cell failed, such as one that is not there, tells nobody apart and
    is left out, unless there is no other.
    """
    ran = [result for result in results if result.failure is None] or results
    envs = list(dict.fromkeys(result.cell.env for result in ran))
    seeds = list(dict.fromkeys(result.cell.seed for result in results))
    found = np.zeros((len(seeds), len(envs)))
    for result in results:
        if result.cell.agent == agent and result.failure is None:
            place = seeds.index(result.cell.seed), envs.index(result.cell.env)
            found[place] = result.tested[split].solve_rate
    return found


def interquartile_means(results: Sequence[AgentResult], split: str) -> dict[str, Estimate]:
    """Return the interquartile mean of the solve rate over seeds and environments, by agent."""
    agents = dict.fromkeys(result.cell.agent for result in results)
    return {agent: _interquartile_mean(_key(scores(results, agent, split))) for agent in agents}


def improvements(results: Sequence[AgentResult], over: str, split: str) -> dict[str, Estimate]:
    """Return, by agent, the probability that a run of ``over`` solves more than one of its.

    Averaged over environments; a tie counts half.
    """
    best = _key(scores(results, over, split))
    agents = [name for name in dict.fromkeys(r.cell.agent for r in results) if name != over]
    return {name: _improvement(best, _key(scores(results, name, split))) for name in agents}


Key = tuple[tuple[float, ...], ...]
"""Scores as what a cache can hold."""


def _key(found: NDArray[np.float64]) -> Key:
    return tuple(tuple(row) for row in found.tolist())


# The same numbers stand on the terminal and in three files, and a bootstrap takes seconds.
@functools.lru_cache(maxsize=1024)
def _interquartile_mean(runs: Key) -> Estimate:
    from rliable import metrics

    return _estimate(np.array(runs), lambda x: np.array([metrics.aggregate_iqm(x)]), REPEATS)


@functools.lru_cache(maxsize=1024)
def _improvement(runs: Key, others: Key) -> Estimate:
    from rliable import metrics

    pair = [np.array(runs), np.array(others)]
    measure = metrics.probability_of_improvement
    return _estimate(pair, lambda x, y: np.array([measure(x, y)]), REPEATS // 2)


def _estimate(runs: Any, measure: Callable[..., Any], repeats: int) -> Estimate:
    """Return a measure of runs and its interval, the same whenever the runs are the same."""
    from rliable import library

    with _seeded():
        values, intervals = library.get_interval_estimates({"": runs}, measure, reps=repeats)
    return Estimate(float(values[""][0]), *(float(bound) for bound in np.ravel(intervals[""])))


@contextmanager
def _seeded() -> Iterator[None]:
    """Fix NumPy's global generator, from which rliable draws whatever it is handed."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def at_puzzles(results: Sequence[AgentResult], puzzles: float) -> float | None:
    """Return the mean solve rate when so many training puzzles had been handed out.

    Interpolated between the evaluations on the way; ``None`` where a run did not get that far.
    """
    found = []
    for result in results:
        curve = [(point.puzzles, point.solve_rate) for point in result.curve]
        if not curve or curve[-1][0] < puzzles:
            return None
        seen, rates = zip(*curve, strict=True)
        found.append(float(np.interp(puzzles, seen, rates)))
    return float(np.mean(found)) if found else None
