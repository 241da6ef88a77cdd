"""An agent of one's own in one method: it follows the wall on its right through a maze.

Compare it with those that ship:

    python scripts/compare.py --env HRMMaze-7x7-v0 \\
        --agents examples.my_agent:WallFollower random oracle

``docs/protocol.md`` says what such a class may have beside ``act``.
"""

from __future__ import annotations

from typing import Any

RIGHT, AHEAD, LEFT, BACK = 1, 0, 3, 2
"""Turns, as what they add to a heading of 0 up, 1 right, 2 down, 3 left."""


class WallFollower:
    """Keeps its right hand on the wall, which leads to G in every maze without loops."""

    def __init__(self) -> None:
        # One agent plays many episodes, so what is remembered is remembered by puzzle.
        self.headings: dict[bytes, int] = {}

    def act(self, obs: dict[str, Any], info: dict[str, Any]) -> int:
        """Return the first open way of right, ahead, left and back.

        Args:
            obs: Of a maze: ``tokens``, ``position``.
            info: With ``action_mask``, the open ways.
        """
        puzzle = obs["tokens"].tobytes()
        heading = self.headings.get(puzzle, 0)
        ways = [(heading + turn) % 4 for turn in (RIGHT, AHEAD, LEFT, BACK)]
        self.headings[puzzle] = next((way for way in ways if info["action_mask"][way]), heading)
        return self.headings[puzzle]
