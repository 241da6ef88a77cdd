"""Mazes, move by move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.puzzles.maze import PATH, START, Maze

from ..actions import as_integer
from ..base import Observation, PuzzleEnv
from . import kernels

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene


def default_max_steps(size: int) -> int:
    """Return the default number of steps of an episode in a maze of ``size`` rows."""
    return 4 * size * size


def observation_space(size: int) -> spaces.Dict:
    """Return the observation space of a maze of ``size`` rows."""
    cells = size * size
    tokens = spaces.Box(0, 5, (cells,), np.uint8)
    return spaces.Dict({"tokens": tokens, "position": spaces.Discrete(cells)})


class MazeEnv(PuzzleEnv[np.int64]):
    """Walk from S to G.

    ## Description
    The agent sees the whole maze and walks through it cell by cell. There is no outer wall: the
    edge of the grid cannot be crossed. There are three kinds of mazes, here at 9x9, with ``.`` for
    an open cell:

        perfect     braided     hard
        .........   .........   .#.....##
        .#######.   .#######.   ..##..###
        .#.....#.   .#..S..#.   .##..#.#.
        .#.###.#.   .#.###.#.   #.###..S.
        .#.#.#S..   .#.#.....   #.#.#..#.
        .#.#.####   .#.#.###.   G....#...
        G#.#...#.   .#.#..G#.   ..#.###.#
        .###.#.#.   .#.#.#.#.   .#....#..
        .....#...   .........   ..#.#....

    * ``perfect``: every second cell of every second row is a room. A depth-first search opens walls
      between neighbouring rooms until all of them are connected. Exactly one path leads from any
      cell to any other, and a wrong turn ends in a dead end. ``HRMMaze-7x7-v0``,
      ``HRMMaze-9x9-v0`` and ``HRMMaze-15x15-v0`` have mazes of this kind.
    * ``braided``: a perfect maze in which one more wall of every dead end is opened. It has loops
      and no dead ends; S and G are placed so that only one path between them is shortest. No id has
      this kind: ``gym.make("HRMMaze-15x15-v0", kind="braided", source="generator")``.
    * ``hard``: every cell is a wall with the same probability, which is drawn between 0.3 and 0.5
      for each maze. There are open areas, dead ends, closed off cells and often several shortest
      paths. ``HRMMaze-v0`` has mazes of this kind.

    A hard maze of 30x30 has a shortest path of at least 109 moves, as in the public set Maze-Hard;
    at smaller sizes this minimum is scaled with the area. In perfect and braided mazes with an odd
    number s of rows it is s - 1.

    ## Action Space
    ``Discrete(4)``: up, right, down, left. A step into a wall or out of the maze changes nothing
    and sets ``info["invalid_action"]``.

    ## Observation Space
    ``Dict``: ``tokens`` ``Box(0, 5, (s*s,), uint8)``, where 1 is a wall, 2 an open cell, 3 S and
    4 G; ``position`` ``Discrete(s*s)``, the cell of the agent.

    ## Rewards
    1 on reaching G, else 0.

    ## Starting State
    A maze of the split under a random symmetry of the square, with the agent on S.

    ## Episode End
    The episode terminates at G and is truncated after ``max_steps`` steps. The info then holds
    ``regret``, ``path_ratio`` and ``optimal``. They compare two lengths: that of the walk,
    continued to G along a shortest path, and that of a shortest path from S. ``regret`` is the
    difference of the two, ``path_ratio`` their ratio (1 is best), and ``optimal`` whether the agent
    reached G along a shortest path.

    ## Arguments
    ``size`` (30): the bundled bank has 7, 9, 15 and 30, each in its default kind;
    ``source="generator"`` makes other sizes and kinds. ``kind``: ``perfect`` (the default of odd
    sizes), ``braided`` or ``hard`` (the default of even sizes). ``max_steps`` (4*s*s): ``None`` for
    no limit. ``difficulty`` is measured in moves of the shortest path. ``source``, ``split``,
    ``limit``, ``augment`` and ``render_mode`` are the same in every environment.

    ## Version History
    * v0: first version.
    """

    endings: ClassVar[Mapping[str, Any]] = {"regret": 0, "path_ratio": 0.0, "optimal": False}
    state_fields: ClassVar[tuple[str, ...]] = ("position", "walked")
    task_type: ClassVar[type[Maze]] = Maze

    def __init__(self, size: int = 30, kind: str | None = None, **kwargs: Any) -> None:
        self.task: Maze  # type: ignore[assignment]
        kwargs.setdefault("max_steps", default_max_steps(size))
        super().__init__(self.task_type(size, kind), **kwargs)
        self.observation_space = observation_space(size)
        self.action_space = spaces.Discrete(4)
        self.moves = np.empty((size * size, 4), np.int64)

    def _begin(self) -> None:
        # A copy, since the arrays of a bank are read-only, which is another type in numba.
        kernels.maze_moves(self.inputs.copy(), self.task.size, self.moves)
        self.position, self.goal = self.task.ends(self.inputs)
        self.walked = [self.position]
        self._to_goal: NDArray[np.int64] | None = None

    def _play(self, action: Any) -> tuple[float, bool, dict[str, Any]]:
        """Walk one cell."""
        direction = as_integer(action)
        target = self.moves[self.position, direction] if 0 <= direction < 4 else -1
        if target >= 0:
            self.position = int(target)
            self.walked.append(self.position)
        arrived = self.position == self.goal
        extra = {"is_success": arrived}
        if target < 0:
            extra["invalid_action"] = True
        return float(arrived), arrived, extra

    def _ending(self) -> dict[str, Any]:
        shortest = self.shortest()
        regret = len(self.walked) - 1 + int(self.distances()[self.position]) - shortest
        return {
            "regret": regret,
            "path_ratio": 1 + regret / shortest,
            "optimal": self.terminated and regret == 0,
        }

    def _observe(self) -> Observation:
        return {"tokens": self.inputs.copy(), "position": np.int64(self.position)}

    def _legal(self) -> NDArray[np.bool_]:
        """Return which moves are legal, ``(4,)`` bool."""
        return self.moves[self.position] >= 0

    def distances(self) -> NDArray[np.int64]:
        """Return the moves from every cell to G, ``(s*s,)``, -1 where there is no path."""
        if self._to_goal is None:
            self._to_goal = self.task.distances(self.inputs, self.goal)
        return self._to_goal

    def shortest(self) -> int:
        """Return the number of moves of a shortest path from S to G."""
        return int(self.distances()[np.flatnonzero(self.inputs == START)[0]])

    def optimal_action(self) -> int:
        """Return the first of up, right, down, left that begins a shortest path to G."""
        self._require_episode()
        size, grid = self.task.size, self.inputs.copy()
        return int(kernels.maze_teacher(grid, size, self.position, self.distances()))

    def _scene(self) -> Scene:
        from hrm_gym.puzzles.maze.scene import MazeScene

        return MazeScene(self.inputs, self.walked, self.position, shortest=self.labels == PATH)
