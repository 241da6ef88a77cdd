"""Evaluation of any agent on the same held-out puzzles."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from hrm_gym.puzzles import get_task


class Acting(Protocol):
    """What an evaluated agent must have; ``act_batch`` and ``name`` are used if they exist.

    An agent that ``remembers`` has ``act_on(observations, infos, memories)``, which returns actions
    and memories. ``evaluate`` keeps one memory per episode, ``None`` at the start.
    """

    def act(self, obs: Any, info: dict[str, Any]) -> Any:
        """Return the action for one observation."""


@dataclass(frozen=True)
class Episode:
    """The result of an agent on one puzzle.

    Attributes:
        index: Index of the puzzle in the split.
        success: Whether the rules accept the result (``info["is_success"]``).
        exact: Whether the result equals the label; ``None`` if that is not defined.
        optimal: Whether the solution was a shortest one (``info["optimal"]``); ``None`` if the
            environment does not measure it.
        reward: Sum of rewards.
        steps: Number of actions.
        rating: Rating of the puzzle.
        group: Name of the puzzles that must be solved together (``info["task_id"]``), or ``None``.
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
        episodes: One entry per puzzle, in the order of the split.
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
        """Share of puzzles whose result the rules accept."""
        return float(np.mean([e.success for e in self.episodes]))

    @property
    def interval(self) -> tuple[float, float]:
        """95% Wilson interval of the solve rate."""
        return wilson_interval(sum(e.success for e in self.episodes), len(self.episodes))

    @property
    def exact_accuracy(self) -> float | None:
        """Share of results that equal the label; ``None`` if that is not defined."""
        return _share([e.exact for e in self.episodes])

    @property
    def optimal_rate(self) -> float | None:
        """Share of puzzles with a shortest solution; ``None`` if the environment has no measure."""
        return _share([e.optimal for e in self.episodes])

    @property
    def task_solve_rate(self) -> float | None:
        """Share of groups with all evaluated puzzles solved; ``None`` if there are no groups."""
        groups: dict[str, bool] = {}
        for episode in self.episodes:
            if episode.group is not None:
                groups[episode.group] = groups.get(episode.group, True) and episode.success
        return _share(list(groups.values())) if groups else None

    @property
    def mean_return(self) -> float:
        """Mean sum of rewards per episode."""
        return float(np.mean([e.reward for e in self.episodes]))

    @property
    def mean_steps(self) -> float:
        """Mean number of steps per episode."""
        return float(np.mean([e.steps for e in self.episodes]))

    def summary(self) -> dict[str, float]:
        """Return all aggregates that are defined, by name."""
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

    ``exact`` is ``info["exact"]`` if the environment reports it, and ``Task.is_exact`` otherwise.

    Args:
        agent: Has ``act(obs, info)``, and optionally ``act_batch(observations, infos)`` and
            ``name``.
        env_id: A registered environment, step or Answer.
        episodes: Maximum number of episodes; there is one per puzzle.
        split: ``train``, ``val``, ``test`` or ``ood``.
        source: Source of the puzzles, by default that of the environment.
        batch: Number of parallel episodes. An agent without ``act_batch`` plays one episode after
            the other, so that it can remember what it saw in an episode.
        on_episode: Called with the number of finished episodes whenever it grows.
        env_kwargs: Further keyword arguments of the environment.

    Raises:
        ValueError: if an argument is wrong, or the agent failed or returned an action outside the
            action space; the message names agent and environment.
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
    # Copies share their puzzles, so that the puzzles are read or generated only once.
    slots = [_Slot(first if k == 0 else copy.deepcopy(first)) for k in range(min(batch, count))]
    finished: list[Episode] = []
    begun_episodes = 0
    for slot in slots:
        slot.begin(begun_episodes)
        begun_episodes += 1
    while slots:
        actions = _actions(agent, env_id, slots)
        before, still = len(finished), []
        for slot, action in zip(slots, actions, strict=True):
            _check_action(agent, env_id, slot.env.action_space, action)
            episode = slot.step(action)
            if episode is not None:
                finished.append(episode)
                if begun_episodes == count:
                    continue
                slot.begin(begun_episodes)
                begun_episodes += 1
            still.append(slot)
        slots = still
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
    """Make a single environment without Gymnasium's run-time checks, which take a third of a step.

    Raises:
        ValueError: if no environment has this id, or an argument is wrong.
    """
    if env_id not in gym.registry:
        from hrm_gym import ENV_IDS

        raise ValueError(f"env: expected one of {', '.join(ENV_IDS)}, got {env_id!r}")
    try:
        return gym.make(env_id, disable_env_checker=True, **env_kwargs)
    except TypeError as error:
        # An environment of another package may not accept these keywords.
        raise ValueError(f"env: {env_id} does not take {', '.join(env_kwargs)}: {error}") from None


class _Slot:
    """One environment and the episode that runs in it."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self.env = env

    def begin(self, index: int) -> None:
        """Start the episode of a puzzle."""
        self.index = index
        self.reward, self.steps = 0.0, 0
        self.memory: Any = None
        self.obs, self.info = self.env.reset(seed=index, options={"index": index})

    def step(self, action: Any) -> Episode | None:
        """Act; return the episode if it has ended."""
        self.obs, reward, terminated, truncated, self.info = self.env.step(action)
        self.reward += float(reward)
        self.steps += 1
        if not (terminated or truncated):
            return None
        success = bool(self.info.get("is_success", self.reward > 0))
        optimal = self.info.get("optimal")
        return Episode(
            self.index,
            success,
            self._exact(),
            None if optimal is None else bool(optimal),
            self.reward,
            self.steps,
            float(self.info.get("rating", 0.0)),
            self.info.get("task_id"),
        )

    def _exact(self) -> bool | None:
        """Return whether the episode reached the label itself, ``None`` if that is not defined."""
        if "exact" in self.info:
            return bool(self.info["exact"])
        if "task" not in self.info:
            return None
        env: Any = self.env.unwrapped
        return get_task(self.info["task"]).is_exact(env, self.info)


def _actions(agent: Acting, env_id: str, slots: Sequence[_Slot]) -> Sequence[Any]:
    """Ask the agent for one action per slot."""
    many = getattr(agent, "act_batch", None)
    try:
        if many is None:
            return [agent.act(slot.obs, slot.info) for slot in slots]
        observations, infos = [slot.obs for slot in slots], [slot.info for slot in slots]
        if getattr(agent, "remembers", False):
            memories = [slot.memory for slot in slots]
            actions, memories = agent.act_on(observations, infos, memories)  # type: ignore[attr-defined]
            for slot, memory in zip(slots, memories, strict=True):
                slot.memory = memory
        else:
            actions = many(observations, infos)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"agent {_name(agent)} failed on {env_id}: {reason}") from error
    if len(actions) != len(slots):
        raise ValueError(
            f"agent {_name(agent)} on {env_id}: expected {len(slots)} actions of act_batch, got "
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
