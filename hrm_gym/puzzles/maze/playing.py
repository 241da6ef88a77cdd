"""How a maze is played and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..base import Task
from ..puzzle import Puzzle, Tokens
from .depth_first import search_moves
from .grid import distances, goal_distances, goal_moves, marked_moves
from .tokens import GOAL, OPEN, PATH, START

if TYPE_CHECKING:
    from .scene import MazeScene


class MazePlay(Task):
    """The part of the task ``Maze`` that concerns episodes."""

    def ends(self, tokens: Tokens) -> tuple[int, int]:
        """Return the cells of S and G.

        Raises:
            ValueError: if there is not exactly one S and one G.
        """
        starts, goals = np.flatnonzero(tokens == START), np.flatnonzero(tokens == GOAL)
        if len(starts) != 1 or len(goals) != 1:
            raise ValueError(f"a maze has one S and one G, got {len(starts)} S and {len(goals)} G")
        return int(starts[0]), int(goals[0])

    def distances(self, inputs: Tokens, source: int) -> NDArray[np.int64]:
        """Return the moves from ``source`` to every cell, ``(s*s,)``, -1 if there is no path."""
        return distances(inputs, self.size, source)

    def scene(
        self,
        inputs: Tokens,
        answer: Tokens | None = None,
        labels: Tokens | None = None,
        *,
        confidence: NDArray[np.floating] | None = None,
        demos: Sequence[tuple[Any, Any]] = (),
        caption: str = "",
        in_progress: bool = False,
    ) -> MazeScene:
        """Return the picture of a maze; see ``Task.scene``.

        If an answer marks any shortest path, this path is shown, so that it contains no mistakes.
        Otherwise, and always during an episode, the answer is compared with the label.
        """
        from .scene import MazeScene

        shortest = None
        if answer is not None and labels is not None:
            solved = not in_progress and self.is_solved(Puzzle(inputs, labels), answer)
            shortest = (answer if solved else labels) == PATH
        marked = None if answer is None else answer == PATH
        return MazeScene(
            inputs, shortest=shortest, answer=marked, confidence=confidence, caption=caption
        )

    def is_exact(self, env: Any, info: Any) -> bool | None:
        """Return whether the walk was the shortest path that the label marks."""
        if "optimal" not in info:
            return None
        path = np.flatnonzero(env.solve() == PATH).tolist()
        return bool(info["optimal"]) and set(path) == set(env.walked[1:-1])

    def progress(self, obs: Any) -> tuple[str, float, str]:
        """Return the share of the distance from S to G that is done, and the moves left."""
        tokens = self.question(obs)
        start, goal = self.ends(tokens)
        away = self.distances(tokens, goal)
        left = int(away[int(obs["position"])])
        if left < 0:
            return "to G", 0.0, "no path"
        return "to G", max(0.0, 1 - left / max(int(away[start]), 1)), f"{left} left"

    def next_action(self, answer: Tokens, obs: Any, info: Any) -> int:
        """Return the move of a walk along the marked cells; see ``marked_moves``.

        If the marks do not lead to G, the answer is wrong, and the first legal move is played.
        """
        move = self._marked_move(answer, obs)
        return move if move >= 0 else int(np.argmax(info["action_mask"]))

    def _marked_move(self, answer: Tokens, obs: Any) -> int:
        """Return the move along the marks, -1 if they do not lead to G.

        The walk begins at S, so that the agent does not turn back in the middle of it. An agent off
        this walk begins a walk where it is.
        """
        tokens, position = self.question(obs), int(obs["position"])
        move = -1
        for start in (self.ends(tokens)[0], position):
            if move < 0:
                moves = marked_moves(self.size, answer.tobytes(), tokens.tobytes(), start)
                move = int(moves[position])
        return move

    def solver_action(self, obs: Any, info: Any) -> np.int64:
        """Return the first of up, right, down and left that leads closer to G.

        Raises:
            ValueError: if no path leads from the position to G.
        """
        move = self._nearer(obs)
        if move < 0:
            raise ValueError(f"{self.id}: no path leads from cell {int(obs['position'])} to G")
        return np.int64(move)

    def _nearer(self, obs: Any) -> int:
        """Return a move of a shortest path from the position to G, -1 if there is none."""
        moves = goal_moves(self.size, self.question(obs).tobytes())
        return int(moves[int(obs["position"])])

    def potential(self, obs: Any, labels: Tokens) -> float:
        """Return minus the distance to G divided by the number of cells, -1 without a path.

        An agent on a door that has just closed can leave it to an open neighbour.
        """
        if "position" not in obs:
            return super().potential(obs, labels)
        distance = int(goal_distances(self.size, self.question(obs).tobytes())[obs["position"]])
        return -1.0 if distance < 0 else -distance / self.seq_len

    def search(self, inputs: Tokens, seconds: float) -> Tokens:
        """Return the maze with the path marked that a depth-first search found, if any."""
        start, _ = self.ends(inputs)
        moves = search_moves(self.size, inputs.tobytes(), start, seconds)
        cells = (inputs == OPEN) & (moves >= 0)
        return np.where(cells, PATH, inputs).astype(np.uint8)

    def search_action(self, obs: Any, info: Any, seconds: float) -> np.int64:
        """Return the move along the path that the search found, or a move into a wall if none."""
        move = self._searched_move(obs, seconds)
        return np.int64(move if move >= 0 else int(np.argmin(info["action_mask"])))

    def _searched_move(self, obs: Any, seconds: float) -> int:
        """Return the move along the path found from S, else from the position; -1 if none."""
        maze, position = self.question(obs), int(obs["position"])
        for begin in (self.ends(maze)[0], position):
            move = search_moves(self.size, maze.tobytes(), begin, seconds)[position]
            if move >= 0:
                return int(move)
        return -1
