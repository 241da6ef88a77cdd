"""What an agent is, and what a training function returns."""

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
    """Training diverged: numbers are not finite, and the run cannot recover."""


class Agent(ABC):
    """Anything that acts. A custom agent needs only the method ``act``.

    Attributes:
        name: Name in tables and run folders.
        signal: What it learns from: ``labels``, ``reward``, ``none`` (it does not learn) or
            ``solver`` (it uses an algorithm that solves the task).
        parameters: Number of trained parameters, 0 if it has none.
    """

    name: str = "agent"
    signal: ClassVar[Signal] = "none"
    parameters: int = 0

    @abstractmethod
    def act(self, obs: Observation, info: Info) -> Any:
        """Return the action for one observation, not batched, and the info that came with it."""

    def act_batch(self, observations: list[Observation], infos: list[Info]) -> list[Any]:
        """Return one action for each observation; every observation belongs to another episode.

        Agents that are faster on batches override this method.
        """
        return [self.act(obs, info) for obs, info in zip(observations, infos, strict=True)]


@dataclass(frozen=True)
class TrainResult(Generic[AgentT]):
    """The result of a training function.

    Attributes:
        agent: The trained agent.
        env_steps: Environment steps of the training, summed over all parallel environments.
        seconds: Wall-clock training time without that of progress callbacks.
        puzzles: Number of training puzzles used; a repeated puzzle counts each time.
    """

    agent: AgentT
    env_steps: int
    seconds: float
    puzzles: int
