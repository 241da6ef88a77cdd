"""The native vector of the Answer environment: tensors on a device, which no step waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from torch import Tensor

from hrm_gym.checks import check_flag, check_whole
from hrm_gym.data import load_puzzles
from hrm_gym.devices import check_device
from hrm_gym.puzzles import PAD, get_task, keys
from hrm_gym.puzzles.targets import AnyTargets, SolvedTargets

from .answer import MAX_SEGMENTS, AnswerEnv, answer_spaces
from .checks import check_easier, check_targets, with_answers
from .infos import final_infos, with_masks
from .state import check_shapes, check_state
from .vector import PuzzleVectorEnv

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

STATE = ("_keys", "_episodes", "_segments", "_rows", "_done", "tokens", "labels", "answers")
"""The attributes that make up the state; its entries are named without the underscore."""


class AnswerVectorEnv(PuzzleVectorEnv):
    """``num_envs`` Answer environments in one; ``AnswerEnv`` describes the decision process.

    Row i of a vector with seed s equals the single environment with seed s + i. All tensors are on
    ``device``, and neither ``step`` nor an autoreset waits for the device.

    Args:
        num_envs: The number of rows, B.
        task: The name of the task, such as ``sudoku-9x9``.
        device: The device of observations, rewards and infos, such as ``cpu`` or ``cuda``; ``None``
            for NumPy arrays, as in the vector environments of Gymnasium.
        autoreset_mode: ``NextStep``, ``SameStep`` or ``Disabled``; a string, so that
            ``spec.to_json()`` can contain it.
        max_segments: The segment that always halts.
        kind: The kind of puzzles, for tasks that have kinds; see ``AnswerEnv``.
        source: See ``AnswerEnv``.
        split: ``train``, ``val``, ``test`` or ``ood``.
        difficulty: Lowest and highest rating, both included.
        limit: The largest number of puzzles to use.
        augment: Whether a puzzle is shown under a random symmetry of its task.
        task_id: The name of a single puzzle group to use, for tasks that name them.
        targets: ``turned``, ``solved`` or ``any``; see ``AnswerEnv``.
        easier: The share of episodes whose puzzle is replaced by an easier one; see
            ``Task.easier``.
        render_mode: ``rgb_array`` or ``None``; see ``render``.
        unknown: Any other argument; it raises ``TypeError``.

    Attributes:
        labels: ``(B, seq_len)`` uint8, the labels of the current puzzles, to be read before
            ``step``. A position with label 0 does not count.

    Raises:
        ValueError: if an argument is invalid, or the device does not exist.
        TypeError: if an argument is unknown; the message names it.
    """

    endings: ClassVar[Mapping[str, Any]] = AnswerEnv.endings

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
        targets: str = "turned",
        easier: float = 0.0,
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__(num_envs, autoreset_mode, render_mode, unknown)
        self.max_segments = check_whole("max_segments", max_segments)
        self.augment = check_flag("augment", augment)
        self._set_task(get_task(task, kind))
        self.targets = check_targets(self.task, targets)
        self.easier = check_easier(easier, self.targets)
        self.device = check_device(device)
        self.as_numpy = device is None
        puzzles = load_puzzles(self.task, source, split, difficulty, limit, task_id)
        puzzles = with_answers(puzzles)
        self.puzzles = puzzles
        observation, action = answer_spaces(self.task, puzzles.num_puzzle_ids)
        self._set_spaces(observation, action)
        # All puzzles, on the device.
        self._inputs = torch.tensor(puzzles.inputs, device=self.device)
        self._labels = torch.tensor(puzzles.labels, device=self.device)
        self._ratings = torch.tensor(puzzles.ratings, device=self.device)
        self._ids = torch.tensor(puzzles.puzzle_ids, device=self.device).long()
        self._action_counts = torch.tensor(action.nvec, device=self.device)
        zeros = torch.zeros(num_envs, dtype=torch.int64, device=self.device)
        self._keys = zeros.clone()
        self._episodes = zeros - 1
        self._segments = zeros.clone()
        self._rows = zeros.clone()
        self._done = zeros.bool()
        cells = (num_envs, self.task.seq_len)
        self.tokens = torch.zeros(cells, dtype=torch.uint8, device=self.device)
        self.labels = self.tokens.clone()
        self.answers = self.tokens.clone()
        self._state: tuple[str, ...] = STATE
        self._solved_targets: SolvedTargets | None = None
        self._any_targets: AnyTargets | None = None
        if self.targets == "solved":
            self._solved_targets = self.task.solved_targets(puzzles.inputs, self.device)
        elif self.targets == "any":
            self._any_targets = self.task.any_targets(puzzles.inputs, self.device)
            self._levels = torch.zeros_like(self.tokens, dtype=torch.int32)
            self._state = (*STATE, "_levels")

    # Episodes ----------------------------------------------------------------------------------

    def _set_keys(self, rows: list[int], found: list[int]) -> None:
        # Keys are drawn on the host, with the random generator of a single environment.
        places = torch.tensor(rows, dtype=torch.int64, device=self.device)
        self._keys[places] = torch.tensor(found, dtype=torch.int64, device=self.device)
        self._episodes[places] = -1

    def _draw(self, among: NDArray[np.int64]) -> Tensor:
        # On the device, so that the host does not wait for it.
        following = keys.lane_tensor(self._keys, self._episodes + 1)
        picked = keys.pick_tensor(following, len(among))
        return torch.as_tensor(among, device=self.device)[picked]

    def _begin_rows(self, chosen: NDArray[np.bool_], index: Any, as_stored: bool) -> None:
        mask = torch.as_tensor(chosen, device=self.device)
        self._begin(mask, torch.as_tensor(index, device=self.device), as_stored)
        self._done = self._done & ~mask

    def _reset_outputs(self, chosen: NDArray[np.bool_]) -> tuple[dict[str, Any], dict[str, Any]]:
        rows = torch.as_tensor(chosen, device=self.device)
        no = torch.zeros_like(rows)
        infos = with_masks(self._row_info(no) | _ending(no.clone(), no.long()), rows)
        return self._out(self._observe()), self._task_info(chosen) | self._out(infos)

    def _begin(self, mask: Tensor, drawn: Tensor | None = None, as_stored: bool = False) -> None:
        """Begin the next episode of the masked rows; all rows are drawn, to avoid waiting."""
        self._episodes = self._episodes + mask
        episode_keys = keys.lane_tensor(self._keys, self._episodes)
        if drawn is None:
            drawn = keys.pick_tensor(episode_keys, len(self.puzzles))
        tokens, labels = self._inputs[drawn], self._labels[drawn]
        if self.easier and not as_stored:
            ease = keys.easier_key_tensor(episode_keys)
            eased = self.task.easier_rows(tokens, labels, keys.lane_tensor(ease, 1))
            chosen = (keys.unit_tensor(keys.lane_tensor(ease, 0)) < self.easier)[:, None]
            tokens, labels = (
                torch.where(chosen, new, old)
                for new, old in zip(eased, (tokens, labels), strict=True)
            )
        turned = self.augment and not as_stored
        turns = keys.symmetry_key_tensor(episode_keys) if turned else None
        rows = mask[:, None]
        if self._solved_targets is not None:
            labels = self._solved_targets.labels(drawn, tokens, turns)
        if self._any_targets is not None:
            levels = self._any_targets.levels(drawn, turns)
            self._levels = torch.where(rows, levels, self._levels)
        if turns is not None:
            tokens, labels = self.task.turn(turns, tokens, labels)
        self._rows = torch.where(mask, drawn, self._rows)
        self.tokens = torch.where(rows, tokens, self.tokens)
        self.labels = torch.where(rows, labels, self.labels)
        self.answers = self.answers.masked_fill(rows, PAD)
        self._segments = self._segments.masked_fill(mask, 0)

    # Steps -------------------------------------------------------------------------------------

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Give an answer in every row, and halt or continue.

        Args:
            actions: ``(B, seq_len + 1)`` integers, a tensor or an array; the last column is halt.

        Returns:
            The observations, rewards ``(B,)`` float32 (NumPy: float64), terminations and
            truncations ``(B,)`` bool, and infos. Infos do not contain ``action_mask``, which is the
            same at every step, and ``is_success``, which only the host can compute. In ``SameStep``
            mode with tensors, ``final_obs`` is a dictionary of tensors at every step, where
            ``_final_obs`` says which rows have ended, since testing whether any has would wait for
            the device. With NumPy arrays it has the form of Gymnasium, one object a row.

        Raises:
            ValueError: if the actions are not a row of integers for each environment.
        """
        self._require_episode()
        actions = torch.as_tensor(actions, device=self.device)
        shape = (self.num_envs, self.task.seq_len + 1)
        if actions.shape != shape or actions.is_floating_point():
            raise ValueError(
                f"actions: expected {shape} integers, got {actions.dtype} {tuple(actions.shape)}"
            )
        mode = self.autoreset_mode
        # Rows that ended before this step begin their next episode, or wait for their reset.
        past = None if mode == AutoresetMode.SAME_STEP else self._done
        # An action outside the space changes nothing, as in the single environment.
        valid = ((actions >= 0) & (actions < self._action_counts)).all(dim=1)
        if past is not None:
            valid = valid & ~past
        halt = actions[:, -1].bool() & valid
        self.answers = torch.where(valid[:, None], actions[:, :-1].to(torch.uint8), self.answers)
        self._segments = self._segments + (1 if past is None else ~past)
        done = halt | (self._segments >= self.max_segments)
        if past is not None:
            done = done & ~past
        # Zero in all rows that have not ended, so that no answer leaks before.
        wrong = ((self.answers != self.labels) & (self.labels != PAD)).sum(dim=1)
        right = wrong == 0
        if self._any_targets is not None:
            right |= self._any_targets.are_solved(self._levels, self.tokens, self.answers)
        exact, regret = right & done, wrong.masked_fill(right | ~done, 0)
        rewards = exact.double() if self.as_numpy else exact.float()
        if mode == AutoresetMode.NEXT_STEP:
            self._begin(self._done)
            valid = valid | self._done
        infos = self._info(~valid, exact, regret)
        observations = self._observe()
        if mode == AutoresetMode.SAME_STEP and (not self.as_numpy or bool(done.any())):
            # The last info of a row that ended is in its final info, as in Gymnasium.
            last = final_infos(self._out(observations), self._out(infos), self._out(done))
            self._begin(done)
            no = torch.zeros_like(done)
            infos = self._info(~valid & ~done, no, no.long()) | last
            observations = self._observe()
        if mode == AutoresetMode.DISABLED:
            done = done | self._done
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

    def _info(self, invalid: Tensor, exact: Tensor, regret: Tensor) -> dict[str, Any]:
        """Return the infos that every row has at every step, with their masks."""
        values = self._row_info(invalid) | _ending(exact, regret)
        return self._task_info() | with_masks(values, torch.ones_like(self._done))

    def _row_info(self, invalid: Tensor) -> dict[str, Any]:
        """Return the infos that do not depend on whether an episode ends."""
        return {
            "rating": self._ratings[self._rows],
            "segment": self._segments.clone(),
            "invalid_action": invalid,
        }

    def _out(self, values: Any) -> Any:
        """Convert tensors to NumPy arrays if the vector was made without a device."""
        if not self.as_numpy:
            return values
        if isinstance(values, dict):
            return {name: self._out(value) for name, value in values.items()}
        return values.cpu().numpy() if isinstance(values, Tensor) else values

    # Solutions ---------------------------------------------------------------------------------

    def likeliest_labels(self, scores: Tensor) -> Tensor:
        """Return the likeliest of all right answers to each puzzle, for ``targets="any"``.

        Args:
            scores: ``(B, seq_len, vocab)`` float64, log-probabilities of the agent's answer, up to
                a constant in each position.

        Returns:
            ``(B, seq_len)`` uint8, which equals the answer of the agent where that is right.

        Raises:
            ValueError: if the environment was made with other targets.
        """
        if self._any_targets is None:
            raise ValueError(f"likeliest_labels: needs targets='any', got {self.targets!r}")
        self._require_episode()
        return self._any_targets.likeliest_labels(self._levels, self.tokens, scores)

    def get_state(self) -> dict[str, Any]:
        """Return a snapshot of tensors, from which ``set_state`` continues exactly."""
        self._require_episode()
        tensors = {name.lstrip("_"): getattr(self, name).clone() for name in self._state}
        return {"env": self._identity(), **tensors}

    def set_state(self, state: dict[str, Any]) -> None:
        """Return to a snapshot of ``get_state``.

        Raises:
            ValueError: if the state is incomplete, or was taken from a vector with other arguments.
                The vector is then unchanged.
        """
        own = self._identity()
        held = {name.lstrip("_"): getattr(self, name) for name in self._state}
        check_state(state, own, ("env", *held))
        check_shapes(state, own, held)
        for name in self._state:
            setattr(self, name, state[name.lstrip("_")].to(self.device).clone())
        self._begun = True

    def _scene(self, row: int) -> Scene:
        segment = int(self._segments[row])
        inputs, answer, labels = (
            part[row].cpu().numpy() for part in (self.tokens, self.answers, self.labels)
        )
        # Demonstrations are drawn as they are stored, and not beside a puzzle that was turned.
        puzzle = self.puzzles[int(self._rows[row])]
        return self.task.scene(
            inputs,
            answer if segment else None,
            labels,
            demos=() if self.augment else self.task.demonstrations(puzzle),
            caption=f"segment {segment} of {self.max_segments}",
            in_progress=True,
        )

    def _identity(self) -> str:
        targets = f"{self.targets} targets, easier={self.easier:g}"
        return f"{super()._identity()}, {self.max_segments} segments, {targets}"


def _ending(exact: Tensor, regret: Tensor) -> dict[str, Tensor]:
    """Return what infos say about the end of an episode, ``(B,)`` each."""
    return {"regret": regret, "exact": exact}
