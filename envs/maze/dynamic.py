"""The maze environment with doors that open and close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.checks import check_number
from hrm_gym.puzzles import Tokens, keys
from hrm_gym.puzzles.maze import OPEN, WAIT, WALL, DynamicMaze, Maze
from hrm_gym.puzzles.maze.grid import neighbours

from ..actions import as_integer
from ..base import Observation
from .env import MazeEnv

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

DOOR_LANE, TOGGLE_LANE = 2, 3
"""Lanes of the episode key; others are used for the puzzle and its symmetry."""


class DynamicMazeEnv(MazeEnv):
    """Walk from S to G while doors open and close.

    ## Description
    A maze with doors, as in HRM-Agent (arXiv 2510.22832). Without the doors it is a perfect maze,
    see ``HRMMaze-15x15-v0``. After every move, each open door closes and each closed door opens
    with probability p, so that a plan may fail and a shorter path may appear.
    A cell can have a door if its neighbours on two opposite sides are open and those on the other
    two sides are walls: some doors are shortcuts through walls, which are closed at first, others
    lie in corridors. The seed determines when each door changes, whatever the agent does.

    ## Action Space
    ``Discrete(5)``: up, right, down, left, wait. A step into a wall or a closed door changes
    nothing, not even the doors, and sets ``info["invalid_action"]``. Waiting lets time pass.

    ## Observation Space
    ``Dict``: ``tokens`` ``Box(0, 5, (s*s,), uint8)``, the current maze, where an open door is an
    open cell (2) and a closed door is a wall (1); ``position`` ``Discrete(s*s)``, the cell of the
    agent. A door may close while the agent stands in it; the agent can then still leave.

    ## Rewards
    1 on reaching G, else 0.

    ## Starting State
    A maze of the split under a random symmetry of the square, before any door has changed, so that
    a path leads from S to G. The agent is on S.

    ## Episode End
    The episode terminates at G and is truncated after ``max_steps`` steps. The info then holds
    ``regret``, ``path_ratio`` and ``optimal``. They compare two lengths, in moves and waits: that
    of the walk, continued to G in the fastest way (by at most s*s steps), and that of the fastest
    walk from S to G for an agent that knows all changes of the doors in advance. ``regret`` is the
    difference of the two, ``path_ratio`` their ratio (1 is best), and ``optimal`` whether the agent
    reached G without regret.

    ## Arguments
    ``size`` (15) and ``kind`` as in the other mazes. ``door_share`` (0.5): the share of possible
    places that have a door. ``door_probability`` (0.1): p. ``max_steps`` (4*s*s): ``None`` for no
    limit. ``difficulty`` is measured in moves of the shortest path at the start. ``source``,
    ``split``, ``limit``, ``augment`` and ``render_mode`` are the same in every environment.

    ## Version History
    * v0: first version.
    """

    state_fields: ClassVar[tuple[str, ...]] = ("position", "walked", "time", "tokens")
    task_type: ClassVar[type[Maze]] = DynamicMaze

    def __init__(
        self,
        size: int = 15,
        kind: str | None = None,
        door_share: float = 0.5,
        door_probability: float = 0.1,
        **kwargs: Any,
    ) -> None:
        self.door_share = check_number("door_share", door_share, 0, 1)
        self.door_probability = check_number("door_probability", door_probability, 0, 1)
        super().__init__(size, kind, **kwargs)
        self.action_space = spaces.Discrete(5)

    def _identity(self) -> str:
        doors = f"door_share {self.door_share}, door_probability {self.door_probability}"
        return f"{super()._identity()}, {doors}"

    def _begin(self) -> None:
        super()._begin()
        assert self._key is not None
        episode = keys.episode_key(self._key, self._episode)
        places = door_places(self.inputs, self.task.size)
        chosen = self._random_numbers(keys.lane(episode, DOOR_LANE), len(places)) < self.door_share
        self.doors: NDArray[np.int64] = places[chosen]
        self.door_key = keys.lane(episode, TOGGLE_LANE)
        self.tokens: Tokens = self.inputs.copy()
        self.time = 0

    @staticmethod
    def _random_numbers(key: int, count: int) -> NDArray[np.float64]:
        """Return the ``count`` numbers in 0..1 of a key."""
        lanes = keys.lane_array(np.array([key], np.uint64), np.arange(count, dtype=np.uint64))
        return keys.unit_array(lanes)

    def _next_maze(self, tokens: Tokens, time: int) -> Tokens:
        """Return the maze at ``time`` + 1, given the maze at ``time``."""
        turning = self._random_numbers(keys.lane(self.door_key, time), len(self.doors))
        cells = self.doors[turning < self.door_probability]
        after = tokens.copy()
        after[cells] = np.where(after[cells] == WALL, OPEN, WALL)
        return after

    def _targets(self) -> NDArray[np.int64]:
        """Return the cells up, right, down and left, -1 if they are closed, and the agent's own."""
        size = self.task.size
        row, column = divmod(self.position, size)
        targets = np.full(5, -1)
        for action, (r, c) in enumerate(
            ((row - 1, column), (row, column + 1), (row + 1, column), (row, column - 1))
        ):
            if 0 <= r < size and 0 <= c < size and self.tokens[r * size + c] != WALL:
                targets[action] = r * size + c
        targets[WAIT] = self.position
        return targets

    def _play(self, action: Any) -> tuple[float, bool, dict[str, Any]]:
        """Walk one cell or wait."""
        direction = as_integer(action)
        target = int(self._targets()[direction]) if 0 <= direction <= WAIT else -1
        if target >= 0:
            if target != self.position:
                self.walked.append(target)
            self.position = target
            self.tokens = self._next_maze(self.tokens, self.time)
            self.time += 1
        arrived = self.position == self.goal
        extra = {"is_success": arrived}
        if target < 0:
            extra["invalid_action"] = True
        return float(arrived), arrived, extra

    def _ending(self) -> dict[str, Any]:
        start, _ = self.task.ends(self.inputs)
        total = self.time + self._fastest(self.position, self.tokens, self.time, self.task.seq_len)
        # The walk of this agent is one that the best agent could have chosen.
        best = self._fastest(start, self.inputs, 0, total)
        return {
            "regret": total - best,
            "path_ratio": total / best,
            "optimal": self.terminated and total == best,
        }

    def _observe(self) -> Observation:
        return {"tokens": self.tokens.copy(), "position": np.int64(self.position)}

    def _legal(self) -> NDArray[np.bool_]:
        """Return which actions are legal, ``(5,)`` bool; waiting always is."""
        return self._targets() >= 0

    def solve(self) -> Tokens:
        """Return the label of the maze before any door changed, ``(s*s,)`` uint8."""
        return super().solve()

    def _fastest(self, position: int, tokens: Tokens, time: int, most: int) -> int:
        """Return the least number of moves and waits to G, given all future changes of the doors.

        Args:
            position: The cell to start from.
            tokens: The maze at ``time``.
            time: The number of times that the doors have changed.
            most: The largest value to return; the door on the only path may stay closed.
        """
        size = self.task.size
        reached = np.zeros((size + 2, size + 2), bool)
        reached[position // size + 1, position % size + 1] = True
        goal = (self.goal // size + 1, self.goal % size + 1)
        spent = 0
        # Waiting is always possible, so a cell that can be reached remains reachable.
        while not reached[goal] and spent < most:
            beside = np.logical_or.reduce(neighbours(reached))
            reached[1:-1, 1:-1] |= beside & (tokens.reshape(size, size) != WALL)
            tokens = self._next_maze(tokens, time + spent)
            spent += 1
        return spent

    def optimal_action(self) -> int:
        """Return the first move of a shortest path in the current maze.

        If there is no such path, the path is the shortest with all doors open, and the agent waits
        in front of a closed door. Every step plans again, without knowing future changes.
        """
        self._require_episode()
        targets = self._targets()
        opened = self.tokens.copy()
        opened[self.doors] = OPEN
        for tokens in (self.tokens, opened):
            current = tokens.copy()
            # An agent on a closed door can still leave it.
            current[self.position] = (
                OPEN if current[self.position] == WALL else tokens[self.position]
            )
            distance = self.task.distances(current, self.goal)
            if distance[self.position] < 0:
                continue
            for action in range(WAIT):
                if (
                    targets[action] >= 0
                    and distance[targets[action]] == distance[self.position] - 1
                ):
                    return action
            return WAIT
        return WAIT

    def _scene(self) -> Scene:
        from hrm_gym.puzzles.maze.scene import MazeScene

        size = self.task.size
        # A closed door is drawn on an open cell, so that it differs from a wall.
        closed = np.zeros(size * size, bool)
        closed[self.doors] = self.tokens[self.doors] == WALL
        shown = np.where(closed, OPEN, self.tokens).astype(np.uint8)
        doors = len(self.doors)
        return MazeScene(
            shown,
            self.walked,
            self.position,
            doors=closed,
            caption=f"step {self.time}: {int(closed.sum())} of {doors} doors closed",
        )


def door_places(tokens: Tokens, size: int) -> NDArray[np.int64]:
    """Return the cells where a door may be: open on two opposite sides, walls on the others.

    S and G are never among them.
    """
    grid = np.pad(tokens.reshape(size, size), 1, constant_values=WALL) != WALL
    up, right, down, left = neighbours(grid)
    passage = (up & down & ~left & ~right) | (left & right & ~up & ~down)
    plain = (tokens == WALL) | (tokens == OPEN)
    return np.flatnonzero(passage.ravel() & plain)
