"""A custom agent in one method: it follows the wall on its right through a maze.

Compare it with the agents of the package:

    python scripts/compare.py --env HRMMaze-7x7-v0 \\
        --agents examples.my_agent:WallFollower random oracle

``docs/protocol.md`` lists the optional attributes of such a class.
"""

from __future__ import annotations

from typing import Any

RIGHT, AHEAD, LEFT, BACK = 1, 0, 3, 2
"""Turns: what each adds to a heading, which is 0 up, 1 right, 2 down or 3 left."""


class WallFollower:
    """Keeps its right hand on the wall, and so reaches G in every maze without loops."""

    def __init__(self) -> None:
        # The heading by puzzle, so that every maze begins without one.
        self.headings: dict[bytes, int] = {}

    def act(self, obs: dict[str, Any], info: dict[str, Any]) -> int:
        """Return the first open direction of right, ahead, left and back.

        Args:
            obs: Observation of a maze, with ``tokens``.
            info: Info with ``action_mask``, the open directions.
        """
        puzzle = obs["tokens"].tobytes()
        heading = self.headings.get(puzzle, 0)
        ways = [(heading + turn) % 4 for turn in (RIGHT, AHEAD, LEFT, BACK)]
        self.headings[puzzle] = next((way for way in ways if info["action_mask"][way]), heading)
        return self.headings[puzzle]
