"""What every game has: undo, hints, new puzzles, and a word on how it stands.

A game knows keys by name and cells by number, but neither a window nor pygame, so that it is
tested without either. Every action goes through the environment's own ``step``; undo is its
``get_state`` and ``set_state``, the hint its ``optimal_action``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hrm_gym.puzzles.sudoku import BLANK

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

ARROWS = {"up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}


@dataclass(frozen=True)
class Button:
    """A key that the mouse can press too.

    Attributes:
        text: What it does.
        key: The key, by its name.
    """

    text: str
    key: str


COMMON = (
    Button("Undo", "u"),
    Button("Hint", "h"),
    Button("Check", "c"),
    Button("Restart", "r"),
    Button("New", "n"),
)
SAME = {"ctrl+z": "u", "backspace": "u"}
"""Keys that do what another one does, where a game has no use of its own for them."""


class Game(ABC):
    """A person's play of one environment.

    Subclasses say what their keys (``own_key``) and the mouse (``press``, ``drag``) do, how an
    action of the environment or a part of it is hinted at (``hint``), and what is shown.

    Args:
        env: The environment, unwrapped.
        seed: Of the sequence of puzzles.
        options: Of the first ``reset``.

    Attributes:
        message: What just happened, for the person.
        cursor: The selected cell, where there is one.
        checked: Mistakes and the shortest way are shown.
        over: The episode has ended.
        won: It ended well.
        moves: Steps of the environment so far.
        hints: Hints taken in this episode; undo does not give them back.
    """

    buttons: ClassVar[tuple[Button, ...]] = COMMON
    aim: ClassVar[str] = ""
    keys_help: ClassVar[str] = ""
    palette: ClassVar[bool] = False

    def __init__(
        self, env: Any, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> None:
        self.env = env
        self._index: int | None = (options or {}).get("index")
        self._reset(seed, options)

    # Episodes ----------------------------------------------------------------------------------

    def _reset(self, seed: int | None, options: dict[str, Any] | None) -> None:
        _, self.info = self.env.reset(seed=seed, options=options)
        self._enter("")

    def _enter(self, message: str) -> None:
        """Start counting at a fresh episode of the environment."""
        self.over = self.won = self.checked = False
        self.moves = self.hints = 0
        self.message = message
        self.history: list[dict[str, Any]] = []
        self.cursor: int | None = None
        self.begin()
        self._first = self._snapshot()

    def new(self) -> None:
        """Go on to another puzzle: the next by number where one was asked for, else a drawn one."""
        if self._index is not None:
            self._index = (self._index + 1) % len(self.env.puzzles)
        self._reset(None, None if self._index is None else {"index": self._index})
        self.message = "A new puzzle."

    def restart(self) -> None:
        """Begin the same puzzle again."""
        self._restore(self._first)
        self.history.clear()
        self.hints, self.checked = 0, False
        self.message = "Begun again."

    # Undo --------------------------------------------------------------------------------------

    def _snapshot(self) -> dict[str, Any]:
        own = {"moves": self.moves, "over": self.over, "won": self.won, "cursor": self.cursor}
        return {"env": self.env.get_state(), "own": own, "draft": self.draft()}

    def _restore(self, snapshot: dict[str, Any]) -> None:
        self.env.set_state(snapshot["env"])
        vars(self).update(snapshot["own"])
        self.set_draft(snapshot["draft"])

    def remember(self) -> None:
        """Keep the position, so that undo comes back here."""
        self.history.append(self._snapshot())

    def undo(self) -> None:
        """Go back to the position before the last action."""
        if not self.history:
            self.message = "There is nothing to take back."
            return
        self._restore(self.history.pop())
        self.message = "Taken back."

    def draft(self) -> Any:
        """Return a copy of what stands in the window and not yet in the environment."""
        return None

    def set_draft(self, draft: Any) -> None:  # noqa: B027
        """Put back what ``draft`` returned."""

    # Playing -----------------------------------------------------------------------------------

    def step(self, action: Any, remember: bool = True) -> bool:
        """Take an action; return whether it was a legal one.

        Args:
            action: As the environment takes it.
            remember: Undo comes back to the position before it.
        """
        before = self._snapshot() if remember else None
        _, reward, terminated, truncated, self.info = self.env.step(action)
        if self.info.get("invalid_action"):
            return False
        if before is not None:
            self.history.append(before)
        self.moves += 1
        if terminated or truncated:
            self.over, self.won = True, bool(self.info["is_success"])
            self.message = self.verdict(float(reward))
        return True

    def key(self, name: str) -> None:
        """Press a key, by its name: ``5``, ``up``, ``shift+up``, ``enter``, ``space``."""
        if not self.over and self.own_key(name):
            return
        name = SAME.get(name, name)
        commands = {
            "u": self.undo,
            "h": self._hint,
            "c": self._check,
            "r": self.restart,
            "n": self.new,
        }
        if name in commands and any(button.key == name for button in self.buttons):
            commands[name]()

    def _hint(self) -> None:
        if self.over:
            self.message = "The episode is over. U takes back, N is a new puzzle."
            return
        if self.hint():
            self.hints += 1

    def _check(self) -> None:
        self.checked = not self.checked
        self.message = "Mistakes are shown." if self.checked else "Mistakes are hidden."

    # What a game says --------------------------------------------------------------------------

    def begin(self) -> None:  # noqa: B027
        """Set up what the game keeps for an episode."""

    @abstractmethod
    def own_key(self, name: str) -> bool:
        """Do what a key of this game does; return whether it is one."""

    def press(self, cell: int) -> None:
        """Press the mouse on a cell."""
        self.cursor = cell

    def drag(self, cell: int) -> None:  # noqa: B027
        """Move the pressed mouse to another cell."""

    @abstractmethod
    def hint(self) -> bool:
        """Play the next action of the oracle; return whether there was one to give."""

    @abstractmethod
    def verdict(self, reward: float) -> str:
        """Return one sentence on the end of the episode."""

    @property
    def scene(self) -> Scene:
        """What to paint."""
        scene: Scene = self.env.scene()
        return scene

    @property
    def facts(self) -> str:
        """One line on the puzzle and on how it goes."""
        parts = [f"rating {self.info['rating']:g}", count(self.moves, self.unit)]
        if self.hints:
            parts.append(count(self.hints, "hint"))
        if self._index is not None:
            parts.insert(0, f"puzzle {self._index} of {len(self.env.puzzles)}")
        return " · ".join(parts)

    unit: ClassVar[str] = "move"

    # The cursor --------------------------------------------------------------------------------

    def move_cursor(self, name: str, shape: tuple[int, int]) -> bool:
        """Move the cursor by an arrow key, round the edges; return whether it is one."""
        if name not in ARROWS:
            return False
        row, column = divmod(self.cursor or 0, shape[1])
        down, right = ARROWS[name]
        self.cursor = (row + down) % shape[0] * shape[1] + (column + right) % shape[1]
        return True


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 move``, ``2 moves``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def place(cell: int, columns: int) -> str:
    """Return a cell in words, counted from 1."""
    row, column = divmod(int(cell), columns)
    return f"row {row + 1}, column {column + 1}"


def first_difference(left: np.ndarray, right: np.ndarray) -> int | None:
    """Return the first flat position in which two arrays differ."""
    places = np.flatnonzero(left != right)
    return int(places[0]) if len(places) else None


def next_blank(tokens: np.ndarray, cursor: int | None) -> int | None:
    """Return the next blank cell of a Sudoku after the cursor, the cursor where there is none."""
    blanks = np.flatnonzero(tokens == BLANK)
    if len(blanks) == 0:
        return cursor
    after = blanks[blanks > (-1 if cursor is None else cursor)]
    return int(after[0] if len(after) else blanks[0])


def line(start: int, end: int, columns: int) -> list[int]:
    """Return the cells of a straight line after its start, as a quick drag of the mouse skips some.

    Args:
        start: A cell.
        end: Another one, or the same.
        columns: Of the grid.
    """
    (row, column), (last_row, last_column) = divmod(start, columns), divmod(end, columns)
    count = max(abs(last_row - row), abs(last_column - column), 1)
    shares = np.arange(1, count + 1) / count
    rows = np.rint(row + (last_row - row) * shares).astype(int)
    return (rows * columns + np.rint(column + (last_column - column) * shares).astype(int)).tolist()
