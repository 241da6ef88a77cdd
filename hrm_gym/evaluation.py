"""Evaluate any agent on the same held-out puzzles."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import gymnasium as gym
import numpy as np


class Acting(Protocol):
    """What an evaluated agent must have; ``act_batch`` and ``name`` are used where they exist.

    One that ``remembers`` has ``act_on(observations, infos, memories)``, which returns actions and
    memories; ``evaluate`` hands each episode its own, from ``None`` at the start.
    """

    def act(self, obs: Any, info: dict[str, Any]) -> Any:
        """Return the action for one observation."""


@dataclass(frozen=True)
class Episode:
    """What became of one puzzle.

    Attributes:
        index: Which puzzle of the split.
        success: The rules accept it (``info["is_success"]``).
        exact: The answer equals the label; ``None`` where that is not defined.
        optimal: For walks through a maze, whether it was a shortest one; else ``None``.
        reward: Sum of rewards.
        steps: Actions taken.
        rating: How hard the puzzle is.
        group: What must be solved together: the task of an ARC test input, else ``None``.
    """

    index: int
    success: bool
    exact: bool | None
    optimal: bool | None
    reward: float
    steps: int
    rating: float
    group: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """Results of an agent on the first puzzles of a split.

    Attributes:
        env_id: The environment.
        agent: The name of the agent.
        split: The split of the puzzles.
        source: Where the puzzles come from.
        episodes: One entry a puzzle, in the order of the split.
        seconds: Wall-clock time of the evaluation.
    """

    env_id: str
    agent: str
    split: str
    source: str
    episodes: list[Episode] = field(repr=False)
    seconds: float

    @property
    def solve_rate(self) -> float:
        """Share of puzzles that the rules accept as solved."""
        return float(np.mean([e.success for e in self.episodes]))

    @property
    def interval(self) -> tuple[float, float]:
        """95% Wilson interval of the solve rate."""
        return wilson_interval(sum(e.success for e in self.episodes), len(self.episodes))

    @property
    def exact_accuracy(self) -> float | None:
        """Share of answers equal to the label, ``None`` where that is not defined."""
        return _share([e.exact for e in self.episodes])

    @property
    def optimal_rate(self) -> float | None:
        """Share of mazes walked by a shortest path, of all mazes; ``None`` elsewhere."""
        return _share([e.optimal for e in self.episodes])

    @property
    def task_solve_rate(self) -> float | None:
        """Share of ARC tasks with every evaluated test input solved; ``None`` elsewhere."""
        groups: dict[str, bool] = {}
        for episode in self.episodes:
            if episode.group is not None:
                groups[episode.group] = groups.get(episode.group, True) and episode.success
        return _share(list(groups.values())) if groups else None

    @property
    def mean_return(self) -> float:
        """Mean sum of rewards of an episode."""
        return float(np.mean([e.reward for e in self.episodes]))

    @property
    def mean_steps(self) -> float:
        """Mean length of an episode, in steps."""
        return float(np.mean([e.steps for e in self.episodes]))

    def summary(self) -> dict[str, float]:
        """Return every aggregate that is defined, by name."""
        values = {
            "episodes": float(len(self.episodes)),
            "solve_rate": self.solve_rate,
            "solve_rate_low": self.interval[0],
            "solve_rate_high": self.interval[1],
            "exact_accuracy": self.exact_accuracy,
            "optimal_rate": self.optimal_rate,
            "task_solve_rate": self.task_solve_rate,
            "mean_return": self.mean_return,
            "mean_steps": self.mean_steps,
            "seconds": self.seconds,
        }
        return {name: value for name, value in values.items() if value is not None}


def evaluate(
    agent: Acting,
    env_id: str,
    episodes: int = 500,
    split: str = "test",
    source: str | None = None,
    batch: int = 256,
    on_episode: Callable[[int], None] | None = None,
    **env_kwargs: Any,
) -> Evaluation:
    """Play episode k on the k-th puzzle of a split, so that every agent sees the same puzzles.

    ``exact`` is ``info["exact"]`` where the environment says it. On the step environments it means:
    Sudoku and ARC, solved (the solution is the label); mazes, the walk was a shortest one and went
    along the very path that the label marks.

    Args:
        agent: Has ``act(obs, info)``, and perhaps ``act_batch(observations, infos)`` and ``name``.
        env_id: A registered environment, step or Answer.
        episodes: At most so many, and no more than there are puzzles.
        split: ``train``, ``val``, ``test`` or ``ood``.
        source: Where puzzles come from; ``None`` is the environment's own default (the bundled
            bank, and ARC-AGI-1 for ARC).
        batch: Episodes that run side by side; an agent without ``act_batch`` plays one after the
            other, so that it may remember what it saw in an episode.
        on_episode: Called with the number of finished episodes whenever that grows.
        env_kwargs: Further keyword arguments of the environment.

    Raises:
        ValueError: An argument is wrong, or the agent failed or returned an action outside the
            action space; the sentence names agent and environment.
    """
    if episodes < 1 or batch < 1:
        name, value = ("episodes", episodes) if episodes < 1 else ("batch", batch)
        raise ValueError(f"{name}: expected at least 1, got {value}")
    if not hasattr(agent, "act_batch"):
        batch = 1
    kwargs = {**env_kwargs, "split": split}
    if source is not None:
        kwargs["source"] = source
    first = make_env(env_id, **kwargs)
    begun = time.perf_counter()
    puzzles = getattr(first.unwrapped, "puzzles", None)
    count = episodes if puzzles is None else min(episodes, len(puzzles))
    # Copies share their puzzles; making each anew would read or generate them again.
    seats = [_Seat(first if k == 0 else copy.deepcopy(first)) for k in range(min(batch, count))]
    finished: list[Episode] = []
    begun_episodes = 0
    for seat in seats:
        seat.begin(begun_episodes)
        begun_episodes += 1
    while seats:
        actions = _actions(agent, env_id, seats)
        before, still = len(finished), []
        for seat, action in zip(seats, actions, strict=True):
            _check_action(agent, env_id, seat.env.action_space, action)
            episode = seat.step(action)
            if episode is not None:
                finished.append(episode)
                if begun_episodes == count:
                    continue
                seat.begin(begun_episodes)
                begun_episodes += 1
            still.append(seat)
        seats = still
        if on_episode is not None and len(finished) > before:
            on_episode(len(finished))
    first.close()
    finished.sort(key=lambda episode: episode.index)
    seconds = time.perf_counter() - begun
    shown = source or str(getattr(puzzles, "origin", "bank"))
    return Evaluation(env_id, _name(agent), split, shown, finished, seconds)


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Return the 95% Wilson score interval of a share (Wilson, 1927).

    Unlike the normal approximation, the interval stays within 0..1 and has a positive width at 0%
    and 100%.

    Raises:
        ValueError: if ``n`` is less than 1, or ``successes`` is not in 0..n.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"successes: expected 0..n with n at least 1, got {successes} of {n}")
    # scipy.stats takes about a second to import, which an evaluation without intervals does not
    # need.
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def make_env(env_id: str, **env_kwargs: Any) -> gym.Env[Any, Any]:
    """Make a single environment without Gymnasium's run-time checks, which cost a third of a step.

    Raises:
        ValueError: No environment has that id, or an argument is wrong.
    """
    if env_id not in gym.registry:
        from hrm_gym import ENV_IDS

        raise ValueError(f"env: expected one of {', '.join(ENV_IDS)}, got {env_id!r}")
    try:
        return gym.make(env_id, disable_env_checker=True, **env_kwargs)
    except TypeError as error:
        # An environment of another package does not know our keywords.
        raise ValueError(f"env: {env_id} does not take {', '.join(env_kwargs)}: {error}") from None


class _Seat:
    """One environment and the episode that runs in it."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self.env = env
        self.task_name = getattr(getattr(env.unwrapped, "task", None), "family", None)

    def begin(self, index: int) -> None:
        self.index = index
        self.reward, self.steps = 0.0, 0
        self.memory: Any = None
        self.obs, self.info = self.env.reset(seed=index, options={"index": index})
        # Only walks have a position; they are kept to be compared with the label.
        self.walk: list[int] | None = None
        if isinstance(self.obs, dict) and "position" in self.obs:
            self.walk = [int(self.obs["position"])]

    def step(self, action: Any) -> Episode | None:
        """Act; return the episode when it has ended."""
        self.obs, reward, terminated, truncated, self.info = self.env.step(action)
        self.reward += float(reward)
        self.steps += 1
        if self.walk is not None:
            self.walk.append(int(self.obs["position"]))
        if not (terminated or truncated):
            return None
        success = bool(self.info.get("is_success", self.reward > 0))
        walks = self.walk is not None and self.task_name == "maze"
        return Episode(
            self.index,
            success,
            self._exact(success),
            bool(self.info.get("optimal", False)) if walks else self.info.get("optimal"),
            self.reward,
            self.steps,
            float(self.info.get("rating", 0.0)),
            self.info.get("task_id"),
        )

    def _exact(self, success: bool) -> bool | None:
        if "exact" in self.info:
            return bool(self.info["exact"])
        if self.task_name in ("sudoku", "arc"):
            return success
        # Where doors move, the label of the maze at the start says nothing of the walk.
        if self.task_name != "maze" or self.walk is None or hasattr(self.env.unwrapped, "doors"):
            return None
        if not self.info.get("optimal", False):
            return False
        from hrm_gym.puzzles.maze import PATH

        label = self.env.unwrapped.solve()  # type: ignore[attr-defined]
        return set(np.flatnonzero(label == PATH)) == set(self.walk[1:-1])


def _actions(agent: Acting, env_id: str, seats: Sequence[_Seat]) -> Sequence[Any]:
    """Ask the agent for one action a seat."""
    many = getattr(agent, "act_batch", None)
    try:
        if many is None:
            return [agent.act(seat.obs, seat.info) for seat in seats]
        observations, infos = [seat.obs for seat in seats], [seat.info for seat in seats]
        if getattr(agent, "remembers", False):
            memories = [seat.memory for seat in seats]
            actions, memories = agent.act_on(observations, infos, memories)  # type: ignore[attr-defined]
            for seat, memory in zip(seats, memories, strict=True):
                seat.memory = memory
        else:
            actions = many(observations, infos)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"agent {_name(agent)} failed on {env_id}: {reason}") from error
    if len(actions) != len(seats):
        raise ValueError(
            f"agent {_name(agent)} on {env_id}: expected {len(seats)} actions of act_batch, got "
            f"{len(actions)}"
        )
    return actions


def _check_action(agent: Acting, env_id: str, space: gym.Space[Any], action: Any) -> None:
    if not space.contains(action):
        shown = repr(action) if np.size(action) < 10 else f"an array of shape {np.shape(action)}"
        expected = str(space) if len(str(space)) < 60 else type(space).__name__
        raise ValueError(
            f"agent {_name(agent)} on {env_id}: expected an action of {expected}, got {shown}"
        )


def _name(agent: Acting) -> str:
    return str(getattr(agent, "name", type(agent).__name__))


def _share(values: Sequence[bool | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
