"""Statistics over seeds: interquartile means, intervals, probability of improvement.

As in Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
computed by their library rliable: the bootstrap is stratified, so that every environment keeps its
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
"""Number of bootstrap samples; the slower probability of improvement takes half as many."""


class Estimate(NamedTuple):
    """A number and its 95% interval."""

    value: float
    low: float
    high: float


def check_installed() -> None:
    """Check that rliable is installed, before anything is trained.

    Raises:
        ValueError: if rliable is not installed.
    """
    try:
        import rliable  # noqa: F401
    except ImportError:
        raise ValueError(missing_extra("seeds: an interval over seeds", "compare")) from None


def scores(results: Sequence[AgentResult], agent: str, split: str) -> NDArray[np.float64]:
    """Return solve rates, ``(seeds, environments)``; 0 where a cell failed.

    An environment on which every cell failed, such as an unknown one, says nothing about the agents
    and is left out, unless there is no other.
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
    """Return by agent the probability that a run of ``over`` solves more than a run of the agent.

    The probability is averaged over environments; a tie counts half.
    """
    best = _key(scores(results, over, split))
    agents = [name for name in dict.fromkeys(r.cell.agent for r in results) if name != over]
    return {name: _improvement(best, _key(scores(results, name, split))) for name in agents}


Key = tuple[tuple[float, ...], ...]
"""Scores in a hashable form."""


def _key(found: NDArray[np.float64]) -> Key:
    return tuple(tuple(row) for row in found.tolist())


# The terminal and three files show the same numbers, and a bootstrap takes seconds.
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
    """Return a measure of runs and its interval; equal runs give equal intervals."""
    from rliable import library

    with _seeded():
        values, intervals = library.get_interval_estimates({"": runs}, measure, reps=repeats)
    return Estimate(float(values[""][0]), *(float(bound) for bound in np.ravel(intervals[""])))


@contextmanager
def _seeded() -> Iterator[None]:
    """Fix NumPy's global generator, from which rliable draws in any case."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def at_puzzles(results: Sequence[AgentResult], puzzles: float) -> float | None:
    """Return the mean solve rate after a number of training puzzles.

    The rate is interpolated between the evaluations during training.

    Args:
        results: Runs of one agent.
        puzzles: Number of training puzzles.

    Returns:
        The rate, or ``None`` if a run had fewer training puzzles.
    """
    found = []
    for result in results:
        curve = [(point.puzzles, point.solve_rate) for point in result.curve]
        if not curve or curve[-1][0] < puzzles:
            return None
        seen, rates = zip(*curve, strict=True)
        found.append(float(np.interp(puzzles, seen, rates)))
    return float(np.mean(found)) if found else None
