"""What several seeds say together: interquartile means, intervals, probability of improvement.

As Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
through their library rliable: the bootstrap is stratified, so that every environment keeps its
number of seeds. A cell that failed or diverged counts as one that solved nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cell import Result

REPEATS = 5000
"""Bootstrap samples."""


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
        raise ValueError(
            'seeds: intervals over seeds need the extra compare: pip install "hrm-gym[compare]"'
        ) from None


def scores(results: Sequence[Result], agent: str, split: str) -> NDArray[np.float64]:
    """Return solve rates, ``(seeds, environments)``; 0 where a cell failed."""
    envs = list(dict.fromkeys(result.cell.env for result in results))
    seeds = list(dict.fromkeys(result.cell.seed for result in results))
    found = np.zeros((len(seeds), len(envs)))
    for result in results:
        if result.cell.agent == agent and result.failure is None:
            place = seeds.index(result.cell.seed), envs.index(result.cell.env)
            found[place] = result.tested[split].solve_rate
    return found


def interquartile_means(results: Sequence[Result], split: str) -> dict[str, Estimate]:
    """Return the interquartile mean of the solve rate over seeds and environments, by agent."""
    from rliable import metrics

    agents = list(dict.fromkeys(result.cell.agent for result in results))
    runs = {agent: scores(results, agent, split) for agent in agents}
    return _estimate(runs, lambda x: np.array([metrics.aggregate_iqm(x)]))


def improvements(results: Sequence[Result], over: str, split: str) -> dict[str, Estimate]:
    """Return, by agent, the probability that a run of ``over`` solves more than one of its.

    Averaged over environments; a tie counts half.
    """
    from rliable import metrics

    agents = [name for name in dict.fromkeys(r.cell.agent for r in results) if name != over]
    best = scores(results, over, split)
    pairs = {name: (best, scores(results, name, split)) for name in agents}
    return _estimate(pairs, metrics.probability_of_improvement)


def _estimate(runs: dict[str, Any], measure: Callable[..., Any]) -> dict[str, Estimate]:
    """Return a measure of runs and its interval, the same whenever the runs are the same."""
    from rliable import library

    if not runs:
        return {}
    with warnings.catch_warnings():
        # rliable hands the generator on under a name that its own library has given up.
        warnings.filterwarnings("ignore", "random_state is deprecated", FutureWarning)
        values, intervals = library.get_interval_estimates(
            runs, measure, reps=REPEATS, random_state=np.random.RandomState(0)
        )
    return {
        name: Estimate(*(float(np.ravel(part)[0]) for part in (values[name], *intervals[name])))
        for name in runs
    }


def at_puzzles(results: Sequence[Result], puzzles: float) -> float | None:
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
