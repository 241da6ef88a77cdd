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
from hrm_gym.devices import check_device
from hrm_gym.puzzles import PAD, get_task, keys

from .answer import MAX_SEGMENTS, answer_spaces, check_segments
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
        kind: For mazes, ``perfect``, ``braided`` or ``hard``.
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
        source: str | None = None,
        split: str = "train",
        difficulty: Sequence[float] | None = None,
        limit: int | None = None,
        augment: bool = True,
        task_id: str | None = None,
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown)
        if not isinstance(num_envs, int) or num_envs < 1:
            raise ValueError(f"num_envs: expected at least 1, got {num_envs!r}")
        if render_mode is not None:
            raise ValueError("render_mode: the native vector draws nothing; make a single one")
        self.num_envs = num_envs
        self.max_segments = check_segments(max_segments)
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
        self._action_counts = torch.tensor(self.single_action_space.nvec, device=self.device)
        self._keys: Tensor | None = None
        self._done: Tensor

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

        Raises:
            ValueError: An option is unknown, or does not have one fitting value a row.
        """
        options = options or {}
        for name in options:
            if name not in ("reset_mask", "index"):
                raise ValueError(f"options: expected reset_mask or index, got {name!r}")
        if isinstance(seed, (int, np.integer)):
            seed = [int(seed) + row for row in range(self.num_envs)]
        if seed is not None and len(seed) != self.num_envs:
            raise ValueError(f"seed: expected {self.num_envs} seeds, got {len(seed)}")
        chosen = np.ones(self.num_envs, bool)
        if options.get("reset_mask") is not None:
            chosen = torch.as_tensor(options["reset_mask"]).bool().cpu().numpy()
            if chosen.shape != (self.num_envs,):
                raise ValueError(f"reset_mask: expected ({self.num_envs},), got {chosen.shape}")
        index = self._check_index(options.get("index"))
        fresh = self._keys is None
        if fresh and not chosen.all():
            raise ValueError("reset_mask: the first reset begins an episode in every row")
        if fresh:
            self._allocate()
            seed = [None] * self.num_envs if seed is None else seed
        assert self._keys is not None
        if seed is not None:
            # Seeds are drawn on the host, by the generator that a single environment has.
            for row, value in enumerate(seed):
                if chosen[row] and (value is not None or fresh):
                    self._keys[row] = keys.seed_key(np.random.default_rng(value))
                    self._episodes[row] = -1
        mask = torch.as_tensor(chosen, device=self.device)
        self._begin(mask, index)
        self._done = self._done & ~mask
        return self._out(self._observe()), self._out(self._info())

    def _check_index(self, index: Any) -> Tensor | None:
        """Return ``options["index"]`` on the device."""
        if index is None:
            return None
        rows = torch.as_tensor(index, device=self.device)
        if rows.shape != (self.num_envs,) or rows.is_floating_point():
            raise ValueError(f"index: expected {self.num_envs} integers, got {index!r}")
        # Looked at here, since a device would only say so later, or read a puzzle from the end.
        if rows.min() < 0 or rows.max() >= len(self.puzzles):
            raise ValueError(f"index: expected 0..{len(self.puzzles) - 1}, got {index!r}")
        return rows.long()

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

    def _begin(self, mask: Tensor, index: Tensor | None = None) -> None:
        """Start the next episode of the masked rows; every row is drawn, so nothing waits."""
        assert self._keys is not None
        self._episodes = self._episodes + mask
        episode_keys = keys.lane_tensor(self._keys, self._episodes)
        if index is None:
            drawn = keys.pick_tensor(episode_keys, len(self.puzzles))
        else:
            drawn = index
        tokens, labels = self._inputs[drawn], self._labels[drawn]
        if self.augment and index is None:
            turns = keys.symmetry_key_tensor(episode_keys)
            tokens, labels = self.task.turn(turns, tokens, labels)
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
            truncations ``(B,)`` bool, infos. Infos leave out what would be the same in every
            step (``action_mask``) and what only the rules on the host can say (``is_success``).
        """
        if self._keys is None:
            raise ValueError("step: call reset() before this")
        actions = torch.as_tensor(actions, device=self.device)
        mode = self.metadata["autoreset_mode"]
        wait = self._done if mode == AutoresetMode.NEXT_STEP else None
        # An action outside the space changes nothing, as in the single environment.
        valid = ((actions >= 0) & (actions < self._action_counts)).all(dim=1)
        halt = actions[:, -1].bool() & valid
        self.answers = torch.where(valid[:, None], actions[:, :-1].to(torch.uint8), self.answers)
        self._segments = self._segments + 1
        done = halt | (self._segments >= self.max_segments)
        if wait is not None:
            # A row that ended ignores this action and begins its next episode.
            done, valid = done & ~wait, valid | wait
        # Said of rows that ended only: nobody is told whether an answer on the way is right.
        exact = ((self.answers == self.labels) | (self.labels == PAD)).all(dim=1) & done
        rewards = exact.double() if self.as_numpy else exact.float()
        if wait is not None:
            self._begin(wait)
        infos = {**self._info(), "exact": exact, "_exact": done.clone()}
        infos |= {"invalid_action": ~valid, "_invalid_action": ~valid}
        observations = self._observe()
        if mode == AutoresetMode.SAME_STEP:
            final_infos = infos
            self._begin(done)
            # What a row that ended has to say is in its final info, as in Gymnasium.
            infos = self._info()
            infos |= {"invalid_action": ~valid & ~done, "_invalid_action": ~valid & ~done}
            infos["final_obs"], infos["_final_obs"] = observations, done.clone()
            infos["final_info"], infos["_final_info"] = final_infos, done.clone()
            observations = self._observe()
        self._done = done.clone()
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

    def _info(self) -> dict[str, Any]:
        """Return infos by row; ``_name`` says in which rows a value holds, as in Gymnasium."""
        every = torch.ones_like(self._done)
        return {
            "rating": self._ratings[self._rows],
            "_rating": every,
            "segment": self._segments.clone(),
            "_segment": every.clone(),
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
        if self._keys is None:
            raise ValueError("get_state: call reset() before this")
        names = ("_keys", "_episodes", "_segments", "_rows", "_done", "tokens", "labels", "answers")
        tensors = {name.lstrip("_"): getattr(self, name).clone() for name in names}
        return {"task": self.task.id, **tensors}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot of ``get_state``.

        Raises:
            ValueError: It is of another task or number of rows.
        """
        own = f"{self.num_envs} rows of {self.task.id}"
        given = f"{len(state.get('tokens', ()))} rows of {state.get('task')}"
        if given != own:
            raise ValueError(f"state: expected {own}, got {given}")
        if self._keys is None:
            self._allocate()
        for name, value in state.items():
            if name == "task":
                continue
            own = name if name in ("tokens", "labels", "answers") else f"_{name}"
            setattr(self, own, value.to(self.device).clone())
