"""What an agent is, and what training one returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args

Signal = Literal["labels", "reward", "none", "solver"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)

Observation = dict[str, Any]
Info = dict[str, Any]
AgentT = TypeVar("AgentT")


class Diverged(ValueError):
    """Training ran away: numbers that are not finite, and no way back."""


class Agent(ABC):
    """Anything that acts. An agent of one's own needs no more than ``act``.

    Attributes:
        name: What tables and run folders call it.
        signal: What it learns from: ``labels``, ``reward``, ``none`` (it does not learn) or
            ``solver`` (it is handed an algorithm that solves the task).
        parameters: Trained numbers, 0 where there are none.
    """

    name: str = "agent"
    signal: ClassVar[Signal] = "none"
    parameters: int = 0

    @abstractmethod
    def act(self, obs: Observation, info: Info) -> Any:
        """Return the action for one observation, not batched, and the info that came with it."""

    def act_batch(self, observations: list[Observation], infos: list[Info]) -> list[Any]:
        """Return one action for each of several observations, which belong to different episodes.

        Agents that are faster on batches override it; the actions are as good as those of ``act``.
        """
        return [self.act(obs, info) for obs, info in zip(observations, infos, strict=True)]


@dataclass(frozen=True)
class TrainResult(Generic[AgentT]):
    """What a training function returns.

    Attributes:
        agent: The trained agent.
        env_steps: Environment steps it was trained for, over all parallel environments.
        seconds: Wall-clock training time; that of progress callbacks is not counted.
        puzzles: Training puzzles that were handed out, a repeated one each time it was.
    """

    agent: AgentT
    env_steps: int
    seconds: float
    puzzles: int
