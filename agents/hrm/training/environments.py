"""The environments that a training run learns in, and what it keeps of their rows."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from torch import Tensor

from ..model.network import HRM, Carry
from ..train_config import Source, TrainConfig
from .distributed import World


def make_envs(config: TrainConfig, source: Source, count: int, device: str) -> Any:
    """Return a vectorized Answer environment of a run, with its tensors on the device.

    Args:
        config: Configuration of the run.
        source: Its puzzles.
        count: Number of environments.
        device: Device of the tensors.
    """
    kind: dict[str, Any] = {} if source.kind is None else {"kind": source.kind}
    return gym.make_vec(
        config.env,
        num_envs=count,
        task=source.task,
        device=device,
        autoreset_mode="SameStep",
        source=source.source,
        limit=source.limit,
        augment=config.augment,
        max_segments=config.max_segments,
        targets=config.targets,
        easier=config.easier,
        **kind,
    ).unwrapped


class Stream:
    """A vectorized environment and the state of its rows between two steps.

    Args:
        config: Configuration of the run.
        source: The puzzles.
        world: The processes of the run.
        device: Device of the tensors.

    Attributes:
        source: The puzzles, as configured.
        batch_size: Number of rows of all ranks.
        rows: The rows of this rank.
        observations: The last observations.
        segments: ``(B,)`` int64, segments of the current episodes so far.
        carry: The carry of the current episodes.
    """

    carry: Carry

    def __init__(self, config: TrainConfig, source: Source, world: World, device: str) -> None:
        self.source = source
        self.batch_size = source.batch_size
        self.rows = world.rows(source.batch_size)
        self.count = self.rows.stop - self.rows.start
        self.envs = make_envs(config, source, self.count, device)
        self.task = self.envs.task
        self.segments = torch.zeros(self.count, dtype=torch.int64, device=device)

    @property
    def num_puzzles(self) -> int:
        """Number of puzzle ids."""
        return int(self.envs.single_observation_space["puzzle_id"].n)

    def begin(self, model: HRM, seed: int) -> None:
        """Start the first episodes."""
        self.observations, _ = self.envs.reset(seed=seed + self.rows.start)
        self.segments = torch.zeros_like(self.segments)
        start = model.initial_carry(self.count, self.segments.device, seq_len=self.task.seq_len)
        # Contiguous from the start, since a compiled model expects equal strides in all calls.
        self.carry = model.reset_carry(start, torch.ones_like(self.segments).bool())

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, as tensors of one row each."""
        state = {f"envs.{k}": v for k, v in self.envs.get_state().items() if k != "env"}
        state |= {f"observations.{name}": value for name, value in self.observations.items()}
        state |= {"carry.z_H": self.carry.z_H, "carry.z_L": self.carry.z_L}
        return {**state, "segments": self.segments}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from a state, of the rows of all ranks."""
        own = {name: value[self.rows].to(self.segments.device) for name, value in state.items()}

        def part(prefix: str) -> dict[str, Tensor]:
            start = len(prefix) + 1
            return {k[start:]: v for k, v in own.items() if k.startswith(prefix + ".")}

        # The identity of this rank's environments, since the number of ranks may differ.
        self.envs.set_state({"env": self.envs.get_state()["env"], **part("envs")})
        self.observations = part("observations")
        self.carry = Carry(**part("carry"))
        self.segments = own["segments"]


def turns(config: TrainConfig) -> list[int]:
    """Return the order in which the sources take turns, each as often as its weight, spread out."""
    weights = [source.weight for source in config.all_sources]
    due = [(turn + 0.5) / weight for weight in weights for turn in range(weight)]
    number = [index for index, weight in enumerate(weights) for _ in range(weight)]
    return [number[place] for place in sorted(range(len(due)), key=lambda i: (due[i], number[i]))]
