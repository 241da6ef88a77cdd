"""What every game has: undo, hints, new puzzles and a status line.

A game knows keys by name and cells by number. It needs neither a window nor pygame, so it can be
tested without them. Every action goes through the environment's ``step``. Undo uses its
``get_state`` and ``set_state``, hints use its ``optimal_action``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

Colour = tuple[int, int, int]
ARROWS = {"up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}


@dataclass(frozen=True)
class Button:
    """A button that does the same as a key.

    Attributes:
        text: What the button does.
        key: Name of the key.
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
"""Keys that do the same as another key, in games that do not use them otherwise."""


class Game(ABC):
    """One environment, played by a person.

    Subclasses define what their keys (``own_key``) and the mouse (``press``, ``drag``) do, what a
    hint does (``hint``) and what is shown (``scene``).

    Args:
        env: The environment, unwrapped.
        seed: Seed of the sequence of puzzles.
        options: Options of the first ``reset``.

    Attributes:
        buttons: Buttons below the picture.
        aim: What the player has to do, in one sentence.
        keys_help: What the keys of this game do, in one line.
        palette: Colours that the keys 0, 1, 2 ... choose from.
        widths: Usual and smallest width of the picture, in pixels.
        colour: Number of the chosen colour in a game with a palette.
        message: What just happened, for the player.
        cursor: The selected cell, if there is one.
        checked: Whether mistakes and solutions are shown.
        over: Whether the episode has ended.
        won: Whether the episode ended with success.
        moves: Steps of the environment so far.
        hints: Hints taken in this episode; undo does not reduce their number.
    """

    buttons: ClassVar[tuple[Button, ...]] = COMMON
    aim: ClassVar[str] = ""
    keys_help: ClassVar[str] = ""
    palette: ClassVar[tuple[Colour, ...]] = ()
    widths: ClassVar[tuple[int, int]] = (640, 400)
    colour: int | None = None

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
        """Reset the counters at the start of an episode."""
        self.over = self.won = self.checked = False
        self.moves = self.hints = 0
        self.message = message
        self.history: list[dict[str, Any]] = []
        self.cursor: int | None = None
        self.begin()
        self._first = self._snapshot()

    def new(self) -> None:
        """Play another puzzle: the next one if a number was given, otherwise a random one."""
        if self._index is not None:
            self._index = (self._index + 1) % len(self.env.puzzles)
        self._reset(None, None if self._index is None else {"index": self._index})
        self.message = "A new puzzle."

    def restart(self) -> None:
        """Start the same puzzle again."""
        self._restore(self._first)
        self.history.clear()
        self.hints, self.checked = 0, False
        self.message = "Started again."

    # Undo --------------------------------------------------------------------------------------

    def _snapshot(self) -> dict[str, Any]:
        own = {"moves": self.moves, "over": self.over, "won": self.won, "cursor": self.cursor}
        return {"env": self.env.get_state(), "own": own, "draft": self.draft()}

    def _restore(self, snapshot: dict[str, Any]) -> None:
        self.env.set_state(snapshot["env"])
        vars(self).update(snapshot["own"])
        self.set_draft(snapshot["draft"])

    def remember(self) -> None:
        """Store the position, so that undo returns to it."""
        self.history.append(self._snapshot())

    def undo(self) -> None:
        """Go back to the position before the last action."""
        if not self.history:
            self.message = "There is nothing to take back."
            return
        self._restore(self.history.pop())
        self.message = "Taken back."

    def draft(self) -> Any:
        """Return a copy of what the player drafted and has not given to the environment yet."""
        return None

    def set_draft(self, draft: Any) -> None:  # noqa: B027
        """Restore what ``draft`` returned."""

    # Playing -----------------------------------------------------------------------------------

    def step(self, action: Any, remember: bool = True) -> bool:
        """Take an action and return whether it was legal.

        Args:
            action: An action of the environment.
            remember: Whether undo returns to the position before the action.
        """
        before = self._snapshot() if remember else None
        _, reward, terminated, truncated, self.info = self.env.step(action)
        if self.info["invalid_action"]:
            return False
        if before is not None:
            self.history.append(before)
        self.moves += 1
        if terminated or truncated:
            self.over, self.won = True, bool(self.info["is_success"])
            self.message = self.verdict(float(reward))
        return True

    def key(self, name: str) -> None:
        """Press the key of a name such as ``5``, ``up``, ``shift+up``, ``enter`` or ``space``."""
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

    # What a game defines ------------------------------------------------------------------------

    def begin(self) -> None:  # noqa: B027
        """Set up what the game stores during an episode."""

    @abstractmethod
    def own_key(self, name: str) -> bool:
        """Handle a key of this game and return whether it is one."""

    def press(self, cell: int) -> None:
        """Handle a press of the mouse button on a cell."""
        self.cursor = cell

    def drag(self, cell: int) -> None:  # noqa: B027
        """Handle a move of the mouse to another cell while its button is pressed."""

    @abstractmethod
    def hint(self) -> bool:
        """Play the next action of the oracle and return whether there was one."""

    @abstractmethod
    def verdict(self, reward: float) -> str:
        """Return one sentence about the end of the episode."""

    @property
    def scene(self) -> Scene:
        """The scene to paint."""
        scene: Scene = self.env.scene()
        return scene

    @property
    def facts(self) -> str:
        """The status line: the puzzle, its rating, and the moves so far."""
        parts = [f"rating {self.info['rating']:g}", count(self.moves, self.unit)]
        if self.hints:
            parts.append(count(self.hints, "hint"))
        if self._index is not None:
            parts.insert(0, f"puzzle {self._index} of {len(self.env.puzzles)}")
        return " · ".join(parts)

    unit: ClassVar[str] = "move"

    # The cursor --------------------------------------------------------------------------------

    def move_cursor(self, name: str, shape: tuple[int, int]) -> bool:
        """Move the cursor by an arrow key and return whether the key is one.

        The cursor wraps around at the edges.
        """
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
    """Return a cell in words; rows and columns count from 1."""
    row, column = divmod(int(cell), columns)
    return f"row {row + 1}, column {column + 1}"


def first_difference(left: np.ndarray, right: np.ndarray) -> int | None:
    """Return the first position at which two flat arrays differ, ``None`` if they are equal."""
    places = np.flatnonzero(left != right)
    return int(places[0]) if len(places) else None


def line(start: int, end: int, columns: int) -> list[int]:
    """Return the cells of a straight line, without its start.

    A quick drag of the mouse skips cells; the line fills them in.

    Args:
        start: The first cell.
        end: The last cell, which may be the first.
        columns: Number of columns of the grid.
    """
    (row, column), (last_row, last_column) = divmod(start, columns), divmod(end, columns)
    count = max(abs(last_row - row), abs(last_column - column), 1)
    shares = np.arange(1, count + 1) / count
    rows = np.rint(row + (last_row - row) * shares).astype(int)
    return (rows * columns + np.rint(column + (last_column - column) * shares).astype(int)).tolist()
