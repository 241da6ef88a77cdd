"""The Answer environment: a step is one segment, an action is a whole answer and a halt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.checks import check_whole
from hrm_gym.data import PuzzleSet
from hrm_gym.puzzles import PAD, Puzzle, Symmetry, Task, Tokens, get_task, keys, wrong_cells

from .actions import as_integers
from .base import Observation, PuzzleEnv
from .checks import check_easier, check_targets, refuse_max_steps, with_answers

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

MAX_SEGMENTS = 16


def answer_spaces(task: Task, num_puzzle_ids: int) -> tuple[spaces.Dict, spaces.MultiDiscrete]:
    """Return the observation and the action space of the Answer environment of a task."""
    tokens = {
        name: spaces.Box(0, task.vocab_size - 1, (task.seq_len,), np.uint8)
        for name in ("tokens", "answer")
    }
    observation = spaces.Dict({**tokens, "puzzle_id": spaces.Discrete(num_puzzle_ids)})
    return observation, spaces.MultiDiscrete([task.vocab_size] * task.seq_len + [2])


class AnswerEnv(PuzzleEnv[NDArray[np.int64]]):
    """Answer a puzzle as a whole, again and again, and decide when to stop.

    ## Description
    One step is one segment of reasoning: the agent gives a whole answer and either continues or
    halts. This is the decision process of adaptive computation time in the Hierarchical Reasoning
    Model (arXiv 2506.21734, section 2).

    ## Action Space
    ``MultiDiscrete([vocab]*seq_len + [2])``: the answer, then 0 to continue or 1 to halt. An action
    outside the space keeps the last answer, uses up a segment and sets ``info["invalid_action"]``.

    ## Observation Space
    ``Dict``: ``tokens`` ``Box(0, vocab-1, (seq_len,), uint8)``, the question; ``answer``, the last
    answer (zeros at first); ``puzzle_id`` ``Discrete``, the row of a puzzle embedding.

    ## Rewards
    1 for halting on an answer that equals the label (``targets="any"``: on an answer that the rules
    accept), else 0.

    ## Starting State
    A puzzle of the split under a random symmetry (``augment=False``: as stored).

    ## Episode End
    The episode terminates on halt; segment ``max_segments`` always halts. The info then holds
    ``exact``, whether the answer is rewarded; ``is_success``, whether the rules accept the answer
    (any shortest path, for example); and ``regret``, the number of cells in which the last answer
    differs from the label (0 if the answer is exact).

    ## Arguments
    ``task``: an id such as ``sudoku-9x9``, or ``module:Class`` for a custom task. ``max_segments``
    (16). ``kind``, for mazes: ``perfect``, ``braided`` or ``hard``, as in ``HRMMaze-v0``.
    ``targets``, for tasks with several right answers such as mazes: ``turned`` (the default)
    applies the symmetry of the puzzle to its label, ``solved`` takes the solver's label of the
    transformed puzzle, and ``any`` accepts every answer that the rules accept. ``easier`` (0): the
    share of episodes whose puzzle is replaced by an easier one, see ``Task.easier``. ``task_id``,
    for ARC: the name of a single task.
    ``source``, ``split``, ``difficulty``, ``limit``, ``augment`` and ``render_mode`` are the same
    in every environment.

    ## Version History
    * v0: first version.
    """

    endings: ClassVar[Mapping[str, Any]] = {"regret": 0, "exact": False}
    state_fields: ClassVar[tuple[str, ...]] = ("answer", "segment")

    def __init__(
        self,
        task: str,
        kind: str | None = None,
        max_segments: int = MAX_SEGMENTS,
        targets: str = "turned",
        easier: float = 0.0,
        **kwargs: Any,
    ) -> None:
        refuse_max_steps(kwargs)
        self.targets = check_targets(get_task(task, kind), targets)
        self.easier = check_easier(easier, self.targets)
        super().__init__(get_task(task, kind), **kwargs)
        self.max_segments = check_whole("max_segments", max_segments)
        self.observation_space, self.action_space = answer_spaces(
            self.task, self.puzzles.num_puzzle_ids
        )
        legal = np.zeros(self.task.vocab_size, bool)
        legal[list(self.task.answer_tokens)] = True
        self._legal_values = np.concatenate([np.tile(legal, self.task.seq_len), [True, True]])

    def _load(
        self, source: str, split: str, difficulty: Any, limit: int | None, task_id: str | None
    ) -> PuzzleSet:
        return with_answers(super()._load(source, split, difficulty, limit, task_id))

    def _identity(self) -> str:
        targets = f"{self.targets} targets, easier={self.easier:g}"
        return f"{super()._identity()}, {self.max_segments} segments, {targets}"

    def _choose(self, options: dict[str, Any]) -> tuple[Puzzle, int, Symmetry | None]:
        puzzle, puzzle_id, symmetry = super()._choose(options)
        if self.easier and "puzzle" not in options and "index" not in options:
            assert self._key is not None
            ease = keys.easier_key(keys.episode_key(self._key, self._episode))
            if keys.unit(keys.lane(ease, 0)) < self.easier:
                puzzle = self.task.easier(puzzle, keys.lane(ease, 1))
        return puzzle, puzzle_id, symmetry

    def _begin(self) -> None:
        if self.targets == "solved":
            self.labels = self.task.solve(self.inputs)
        self.answer: Tokens = np.zeros(self.task.seq_len, np.uint8)
        self.segment = 0

    def _play(self, action: Any) -> tuple[float, bool, dict[str, Any]]:
        """Give an answer, and halt or continue."""
        values = as_integers(action, (self.task.seq_len + 1,))
        extra: dict[str, Any] = {}
        if values is not None and self.action_space.contains(values):
            self.answer = values[:-1].astype(np.uint8)
            halt = bool(values[-1])
        else:
            halt = False
            extra["invalid_action"] = True
        self.segment += 1
        exact = self._exact()
        done = halt or self.segment >= self.max_segments
        if done:
            extra["exact"] = exact
            extra["is_success"] = exact or self._is_solved()
        return float(done and exact), done, extra

    def _ending(self) -> dict[str, Any]:
        return {"regret": 0 if self._exact() else int(wrong_cells(self.labels, self.answer))}

    def _exact(self) -> bool:
        exact = bool(wrong_cells(self.labels, self.answer) == 0)
        return exact or (self.targets == "any" and self._is_solved())

    def _is_solved(self) -> bool:
        return self.task.is_solved(Puzzle(self.inputs, self.labels), self.answer)

    def _observe(self) -> Observation:
        return {
            "tokens": self.inputs.copy(),
            "answer": self.answer.copy(),
            "puzzle_id": np.int64(self.puzzle_id),
        }

    def _info(self, **extra: Any) -> dict[str, Any]:
        return super()._info(segment=self.segment, **extra)

    def _legal(self) -> NDArray[np.bool_]:
        """Return the legal tokens, position by position, then the values of halt, flat bool."""
        return self._legal_values.copy()

    def _action_mask(self) -> tuple[NDArray[np.int8], ...]:
        mask = self.action_masks().astype(np.int8)
        return (*mask[:-2].reshape(self.task.seq_len, -1), mask[-2:])

    def optimal_action(self) -> NDArray[np.int64]:
        """Return the label and halt; a position that does not count has any answer token."""
        self._require_episode()
        answer = np.where(self.labels == PAD, self.task.answer_tokens[0], self.labels)
        return np.append(answer.astype(np.int64), 1)

    def _scene(self) -> Scene:
        assert self.puzzle is not None
        return self.task.scene(
            self.inputs,
            self.answer if self.segment else None,
            self.labels,
            demos=self.task.demonstrations(self.puzzle, self.symmetry),
            caption=f"segment {self.segment} of {self.max_segments}",
            in_progress=True,
        )
