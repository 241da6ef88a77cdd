"""Agents that do not learn: one plays at random, one solves."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.puzzles import Task, Tokens, get_task

from .base import Agent, Info, Observation, Signal

REMEMBERED = 4096
"""Puzzles whose solution an oracle keeps at hand."""


class RandomAgent(Agent):
    """Plays uniformly among the legal actions, by ``info["action_mask"]`` where there is one.

    Args:
        action_space: ``Discrete`` or ``MultiDiscrete`` of one dimension.
        seed: Seed of its choices.

    Raises:
        ValueError: The action space is another.
    """

    name = "random"

    def __init__(self, action_space: spaces.Space[Any], seed: int | None = None) -> None:
        if isinstance(action_space, spaces.Discrete):
            self._values = np.array([action_space.n])
        elif isinstance(action_space, spaces.MultiDiscrete) and action_space.nvec.ndim == 1:
            self._values = action_space.nvec
        else:
            raise ValueError(
                f"action_space: expected Discrete or flat MultiDiscrete, got {action_space}"
            )
        self.discrete = isinstance(action_space, spaces.Discrete)
        self.start = int(action_space.start) if isinstance(action_space, spaces.Discrete) else 0
        # Component by component the values that exist, so that one draw serves all components.
        self._exists = np.arange(self._values.max()) < self._values[:, None]
        self.random = np.random.default_rng(seed)

    def act(self, obs: Observation, info: Info) -> Any:
        """Return a legal action; any action where none is legal.

        Raises:
            ValueError: The mask does not fit the action space.
        """
        mask: Any = info.get("action_mask")
        if self.discrete:
            legal = np.arange(self._values[0]) if mask is None else np.flatnonzero(mask)
            if len(legal) and legal[-1] >= self._values[0]:
                raise ValueError(
                    f"action_mask: expected {self._values[0]} values, got {np.size(mask)}"
                )
            pick = self.random.choice(legal) if len(legal) else 0
            return np.int64(pick + self.start)
        keys = np.where(self._exists, self.random.random(self._exists.shape), -1.0)
        if mask is not None:
            flat = np.concatenate(mask).astype(bool)
            if flat.size != self._exists.sum():
                raise ValueError(
                    f"action_mask: expected {self._exists.sum()} values, got {flat.size}"
                )
            # Illegal values stay below every legal one, yet above those that do not exist.
            keys[self._exists] -= np.where(flat, 0.0, 1.0)
            keys[~self._exists] = -2.0
        return keys.argmax(axis=1).astype(np.int64)


class SolvingAgent(Agent):
    """Plays what a solver finds; it never reads a solution.

    It plays the step and the Answer environments of Sudoku and mazes, and tells them apart by the
    observation alone. What was found is kept by puzzle, so an episode is solved once.
    """

    signal: ClassVar[Signal] = "solver"

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, bytes], Any] = OrderedDict()

    @abstractmethod
    def solution(self, task: Task, tokens: Tokens) -> Tokens:
        """Return the answer to a question, ``(seq_len,)``; blanks where it found none."""

    @abstractmethod
    def move(self, tokens: Tokens, position: int, info: Info) -> int:
        """Return the next move in a maze."""

    def act(self, obs: Observation, info: Info) -> Any:
        """Return the next action of a solution.

        Raises:
            ValueError: It is an ARC observation, for which there is no solver, or one of no known
                environment, or the puzzle has no solution.
        """
        if not isinstance(obs, dict):
            raise ValueError(
                f"{self.name}: expected an observation of Sudoku or a maze, got an array"
            )
        if "position" in obs:
            return np.int64(self.move(obs["tokens"], int(obs["position"]), info))
        if "given" in obs:
            return self._fill(obs["tokens"], obs["given"], info)
        if "tokens" not in obs or "answer" not in obs:
            kind = "ARC has no solver" if "canvas" in obs else f"got the fields {sorted(obs)}"
            raise ValueError(f"{self.name}: expected an observation of Sudoku or a maze; {kind}")
        tokens = np.asarray(obs["tokens"])
        return np.append(self._answer(task_of(tokens, self.name), tokens).astype(np.int64), 1)

    def recall(self, kind: str, puzzle: Tokens, solve: Callable[[], Any]) -> Any:
        """Return what ``solve`` gives, from memory where the puzzle was seen before."""
        key = (kind, puzzle.tobytes())
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.popitem(last=False)
            self._known[key] = solve()
        return self._known[key]

    def _answer(self, task_id: str, tokens: Tokens) -> Tokens:
        task = get_task(task_id)
        answer: Tokens = self.recall(task.id, tokens, lambda: self.solution(task, tokens))
        return answer

    def _fill(self, tokens: Tokens, given: NDArray[np.int8], info: Info) -> np.int64:
        """Return the right digit of the first blank cell where it may still be written."""
        side = int(tokens.size**0.5)
        puzzle = np.where(given, tokens, 1).astype(np.uint8)
        answer = self._answer(f"sudoku-{side}x{side}", puzzle)
        blanks = np.flatnonzero((tokens == 1) & (answer > 1))
        actions = blanks * side + (answer[blanks].astype(np.int64) - 2)
        mask = info.get("action_mask")
        if mask is not None and len(actions):
            # Somebody else's wrong digit may stand in the way.
            legal = np.asarray(mask, bool)
            actions = actions[legal[actions]] if legal[actions].any() else np.flatnonzero(legal)
        return np.int64(actions[0] if len(actions) else 0)


class OracleAgent(SolvingAgent):
    """Solves what it sees with the solver of the task."""

    name = "oracle"

    def solution(self, task: Task, tokens: Tokens) -> Tokens:
        """Return the solution of the task's own solver."""
        return task.solve(tokens)

    def move(self, tokens: Tokens, position: int, info: Info) -> int:
        """Return the first of up, right, down, left that leads nearer to G.

        Where no way does, it waits in a maze whose doors move, whose fifth action that is.
        """
        ways = self.recall("walk", tokens, lambda: directions(tokens))
        if ways[position] < 0 and len(info.get("action_mask", ())) == 5:
            return 4
        if ways[position] < 0:
            raise ValueError(f"oracle: no path leads from cell {position} to G")
        return int(ways[position])


def task_of(tokens: Tokens, agent: str = "oracle") -> str:
    """Return the task id of a question by its tokens, ``(n*n,)``.

    Padding, or 900 cells without a wall, are ARC. A Sudoku with one solution shows all digits but
    one, so from 6x6 on it holds a token above 4, which no maze does; 4x4 is always Sudoku.

    Raises:
        ValueError: It is an ARC canvas, which has no solver, or no square grid.
    """
    side = int(tokens.size**0.5)
    if side * side != tokens.size:
        raise ValueError(f"{agent}: expected a square grid of tokens, got {tokens.size}")
    if tokens.min() == 0 or (tokens.size == 900 and not np.any(tokens == 1)):
        raise ValueError(f"{agent}: expected an observation of Sudoku or a maze; ARC has no solver")
    family = "maze" if tokens.max() <= 4 and side != 4 else "sudoku"
    return f"{family}-{side}x{side}"


def directions(tokens: Tokens) -> NDArray[np.int64]:
    """Return for every cell of a maze the move of a shortest path to G, -1 where there is none.

    Args:
        tokens: ``(s*s,)`` uint8.

    Returns:
        ``(s*s,)`` int64 of 0 up, 1 right, 2 down, 3 left; ties go to the first of these.
    """
    from hrm_gym.puzzles.maze import GOAL, Maze

    side = int(tokens.size**0.5)
    # The kind matters to the generator alone; "hard" is known at every size.
    maze = Maze(side, "hard")
    goals = np.flatnonzero(tokens == GOAL)
    if len(goals) != 1:
        raise ValueError(f"oracle: a maze has one G, got {len(goals)}")
    distance = maze.distances(tokens, int(goals[0]))
    far = tokens.size + 1
    grid = np.pad(np.where(distance < 0, far, distance).reshape(side, side), 1, constant_values=far)
    around = np.stack([grid[:-2, 1:-1], grid[1:-1, 2:], grid[2:, 1:-1], grid[1:-1, :-2]])
    best = around.argmin(axis=0)
    return np.where(around.min(axis=0) < far, best, -1).ravel()
