"""The Answer environment as one native vector: tensors on a device, no host in the step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import PAD, get_task, keys

from .answer import MAX_SEGMENTS, answer_spaces
from .base import refuse_unknown


class AnswerVectorEnv(VectorEnv[dict[str, Any], Any, Any]):
    """``num_envs`` Answer environments in step; see ``AnswerEnv`` for the decision process.

    Row i of a vector seeded s is the single environment seeded s + i. Everything lives on
    ``device``, and neither ``step`` nor an autoreset waits for it.

    Args:
        num_envs: Rows B.
        task: Such as ``sudoku-9x9``.
        device: ``cpu``, ``cuda`` and so on: observations, rewards and infos are tensors there.
            ``None``: NumPy arrays, as in Gymnasium's own vector environments.
        autoreset_mode: ``NextStep``, ``SameStep`` or ``Disabled``; as strings, since enums do not
            survive ``spec.to_json()``.
        max_segments: The segment that halts by itself.
        kind: For mazes, ``perfect`` or ``hard``.
        source: See ``AnswerEnv``, as for ``split``, ``difficulty``, ``limit`` and ``augment``.
        split: The split.
        difficulty: Lowest and highest rating.
        limit: At most so many puzzles.
        augment: Show every puzzle under a random symmetry.
        task_id: One ARC task.
        render_mode: Must be ``None``; make the single environment to see pictures.
        unknown: Refused by name.

    Attributes:
        labels: ``(B, seq_len)`` uint8, the teacher's: read before ``step``. 0 does not count.

    Raises:
        ValueError: An argument is wrong, or the device is not there.
    """

    def __init__(
        self,
        num_envs: int,
        task: str,
        *,
        device: str | None = None,
        autoreset_mode: str | AutoresetMode = "NextStep",
        max_segments: int = MAX_SEGMENTS,
        kind: str | None = None,
        source: str = "bank",
        split: str = "train",
        difficulty: Sequence[float] | None = None,
        limit: int | None = None,
        augment: bool = True,
        task_id: str | None = None,
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown)
        if render_mode is not None:
            raise ValueError("render_mode: the native vector draws nothing; make a single one")
        self.num_envs = num_envs
        self.max_segments = max_segments
        self.augment = augment
        self.task = get_task(task, kind)
        self.device = check_device(device)
        self.as_numpy = device is None
        puzzles = load_puzzles(self.task, source, split, difficulty, limit)
        if task_id is not None:
            from .arc import keep_task

            puzzles = keep_task(puzzles, task_id)
        self.puzzles = puzzles
        self.metadata = {"autoreset_mode": AutoresetMode(autoreset_mode), "render_modes": []}
        self.single_observation_space, self.single_action_space = answer_spaces(
            self.task, puzzles.num_puzzle_ids
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = None
        self.spec = None
        # The puzzles, on the device.
        self._inputs = torch.tensor(puzzles.inputs, device=self.device)
        self._labels = torch.tensor(puzzles.labels, device=self.device)
        self._ratings = torch.tensor(puzzles.ratings, device=self.device)
        self._ids = torch.tensor(puzzles.puzzle_ids, device=self.device).long()
        self._keys: Tensor | None = None

    # Episodes ----------------------------------------------------------------------------------

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode in every row, or in those of ``options["reset_mask"]`` (B,) bool.

        Args:
            seed: s seeds row i with s + i; a sequence seeds each row.
            options: ``{"reset_mask": mask}`` or ``{"index": (B,) integers}``, the puzzles to take
                as they are.

        Returns:
            Observations and infos.
        """
        options = options or {}
        for name in options:
            if name not in ("reset_mask", "index"):
                raise ValueError(f"options: expected reset_mask or index, got {name!r}")
        if isinstance(seed, (int, np.integer)):
            seed = [int(seed) + row for row in range(self.num_envs)]
        if seed is not None and len(seed) != self.num_envs:
            raise ValueError(f"seed: expected {self.num_envs} seeds, got {len(seed)}")
        fresh = self._keys is None
        if fresh:
            self._allocate()
            seed = [None] * self.num_envs if seed is None else seed
        assert self._keys is not None
        if seed is not None:
            # Seeds are drawn on the host, by the generator that a single environment has.
            for row, value in enumerate(seed):
                if value is not None or fresh:
                    self._keys[row] = keys.seed_key(np.random.default_rng(value))
                    self._episodes[row] = -1
        mask = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        if options.get("reset_mask") is not None:
            mask = torch.as_tensor(options["reset_mask"], device=self.device).bool()
        self._begin(mask, options.get("index"))
        self._done = self._done & ~mask
        return self._out(self._observe()), self._out(self._info(torch.zeros_like(mask)))

    def _allocate(self) -> None:
        rows, cells = self.num_envs, self.task.seq_len
        zeros = torch.zeros(rows, dtype=torch.int64, device=self.device)
        self._keys = zeros.clone()
        self._episodes = zeros - 1
        self._segments = zeros.clone()
        self._rows = zeros.clone()
        self._done = zeros.bool()
        self.tokens = torch.zeros((rows, cells), dtype=torch.uint8, device=self.device)
        self.labels = self.tokens.clone()
        self.answers = self.tokens.clone()

    def _begin(self, mask: Tensor, index: Any = None) -> None:
        """Start the next episode of the masked rows; every row is drawn, so nothing waits."""
        assert self._keys is not None
        self._episodes = self._episodes + mask
        episode_keys = keys.lane_tensor(self._keys, self._episodes)
        if index is None:
            drawn = keys.pick_tensor(episode_keys, len(self.puzzles))
        else:
            drawn = torch.as_tensor(index, device=self.device).long()
        tokens, labels = self._inputs[drawn], self._labels[drawn]
        if self.augment and index is None:
            places, relabel = self.task.symmetries(keys.symmetry_key_tensor(episode_keys))
            tokens = relabel.gather(1, tokens.gather(1, places).long())
            labels = relabel.gather(1, labels.gather(1, places).long())
        rows = mask[:, None]
        self._rows = torch.where(mask, drawn, self._rows)
        self.tokens = torch.where(rows, tokens, self.tokens)
        self.labels = torch.where(rows, labels, self.labels)
        self.answers = self.answers.masked_fill(rows, PAD)
        self._segments = self._segments.masked_fill(mask, 0)

    # Steps -------------------------------------------------------------------------------------

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Give answers and halt or go on.

        Args:
            actions: ``(B, seq_len + 1)`` integers, a tensor or an array; the last column is halt.

        Returns:
            Observations, rewards ``(B,)`` float32 (float64 as NumPy), terminations and
            truncations ``(B,)`` bool, infos.
        """
        if self._keys is None:
            raise ValueError("step: call reset() before this")
        actions = torch.as_tensor(actions, device=self.device)
        mode = self.metadata["autoreset_mode"]
        wait = self._done if mode == AutoresetMode.NEXT_STEP else None
        answers, halt = actions[:, :-1].to(torch.uint8), actions[:, -1].bool()
        self._segments = self._segments + 1
        exact = ((answers == self.labels) | (self.labels == PAD)).all(dim=1)
        done = halt | (self._segments >= self.max_segments)
        if wait is not None:
            # A row that ended ignores this action and begins its next episode.
            done, exact = done & ~wait, exact & ~wait
        self.answers = answers
        rewards = (done & exact).float()
        if wait is not None:
            self._begin(wait)
        ended = {"exact": exact, "_exact": done}
        infos = self._info(done, ended)
        observations = self._observe()
        if mode == AutoresetMode.SAME_STEP:
            final_infos = infos
            self._begin(done)
            infos = {**self._info(torch.zeros_like(done)), **ended}
            infos["final_obs"], infos["_final_obs"] = observations, done
            infos["final_info"], infos["_final_info"] = final_infos, done
            observations = self._observe()
        self._done = done
        truncations = torch.zeros_like(done)
        return (
            self._out(observations),
            self._out(rewards),
            self._out(done),
            self._out(truncations),
            self._out(infos),
        )

    def _observe(self) -> dict[str, Any]:
        return {
            "tokens": self.tokens.clone(),
            "answer": self.answers.clone(),
            "puzzle_id": self._ids[self._rows],
        }

    def _info(self, done: Tensor, extra: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return infos by row; ``_name`` says in which rows a value holds, as in Gymnasium."""
        every = torch.ones_like(done)
        return {
            "rating": self._ratings[self._rows],
            "_rating": every,
            "segment": self._segments.clone(),
            "_segment": every.clone(),
            **(extra or {}),
        }

    def _out(self, values: Any) -> Any:
        """Turn tensors into NumPy arrays where no device was asked for."""
        if not self.as_numpy:
            return values
        if isinstance(values, dict):
            return {name: self._out(value) for name, value in values.items()}
        return values.cpu().numpy() if isinstance(values, Tensor) else values

    # The teacher's -----------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Return a snapshot, tensors and plain values; ``set_state`` goes on from it exactly."""
        names = ("_keys", "_episodes", "_segments", "_rows", "_done", "tokens", "labels", "answers")
        return {name.lstrip("_"): getattr(self, name).clone() for name in names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot of ``get_state``.

        Raises:
            ValueError: It is of another task or number of rows.
        """
        shape = (self.num_envs, self.task.seq_len)
        if tuple(state["tokens"].shape) != shape:
            raise ValueError(f"state: expected {shape} tokens, got {tuple(state['tokens'].shape)}")
        if self._keys is None:
            self._allocate()
        for name, value in state.items():
            own = name if name in ("tokens", "labels", "answers") else f"_{name}"
            setattr(self, own, value.to(self.device).clone())


def check_device(device: str | None) -> torch.device:
    """Return a torch device that is there.

    Raises:
        ValueError: It is unknown or absent.
    """
    try:
        found = torch.device(device or "cpu")
    except RuntimeError:
        raise ValueError(f"device: expected cpu, cuda or cuda:N, got {device!r}") from None
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device: {device!r} is not there; this machine has {torch.cuda.device_count()} CUDA "
            "devices"
        )
    return found
