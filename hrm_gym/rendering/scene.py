"""What a scene is: everything that a picture shows, as plain arrays.

A scene paints itself (``paint``) and prints itself (``ansi``). A scene class is a frozen dataclass
that copies its arrays and locks the copies, so that a scene does not change when the environment
continues. Its constructor raises a ``ValueError`` of one sentence if the parts do not fit together.

Painting needs pygame, which is imported by the first call of a method that measures or paints.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from .text import Pen

if TYPE_CHECKING:
    import pygame


class Scene(ABC):
    """Everything that a picture shows.

    Attributes:
        caption: One line below the picture.
    """

    usual_width: ClassVar[int] = 640
    """Width of the picture in pixels, unless another one is requested."""
    half_width: ClassVar[int] = 640
    """Width of each of two pictures side by side."""
    least_width: ClassVar[int] = 160
    """Smallest width at which the largest scene has at least one pixel per cell."""
    header: ClassVar[float] = 1.6
    """Distance of a title from the top edge, in font sizes."""

    caption: str

    @abstractmethod
    def draw(self, width: int) -> pygame.Surface:
        """Return the picture at a width that ``paint`` has checked."""

    @abstractmethod
    def lines(self, pen: Pen) -> list[str]:
        """Return the scene as lines of text, without the caption."""

    def paint(self, width: int | None = None) -> pygame.Surface:
        """Paint the scene. No display is needed.

        Args:
            width: Width in pixels, ``usual_width`` by default. An odd number is rounded down.

        Returns:
            A new surface. Both sides are even, and the size depends only on the class of the scene
            and ``width``, so that all frames of a video have the same size.

        Raises:
            ValueError: if ``width`` is smaller than ``least_width``.
        """
        return self.draw(self.checked_width(width))

    def ansi(self, colour: bool = True) -> str:
        """Return the scene as text for a terminal.

        Args:
            colour: Whether to use ANSI colour codes.

        Returns:
            Lines separated by newlines, the caption last, without a newline at the end.
        """
        pen = Pen(colour)
        lines = self.lines(pen)
        if self.caption:
            lines.append(self.caption)
        return "\n".join(pen.tidied(line) for line in lines)

    def checked_width(self, width: int | None) -> int:
        """Return the even width at which to paint.

        Raises:
            ValueError: if ``width`` is smaller than ``least_width``.
        """
        width = self.usual_width if width is None else int(width) // 2 * 2
        if width < self.least_width:
            raise ValueError(
                f"this scene needs a width of {self.least_width} pixels or more, not {width}"
            )
        return width

    @classmethod
    def page_height(cls, width: int) -> int:
        """Return the height in pixels of a picture ``width`` pixels wide."""
        return (width + width * 24 // 640) // 2 * 2

    @classmethod
    def type_size(cls, width: int) -> int:
        """Return the font size of the text around the picture, in pixels."""
        return max(9, round(width * 15 / 640))

    @classmethod
    def margin(cls, width: int) -> int:
        """Return the space at the left and right edges of the picture, in pixels."""
        return round(width * 48 / 640)

    def cell_at(self, point: tuple[int, int], width: int | None = None) -> int | None:
        """Return the cell under a pixel of the painted scene, for example under the mouse.

        Args:
            point: x and y on the surface, in pixels.
            width: The ``width`` that was given to ``paint``.

        Returns:
            The index of the cell, row by row, or ``None`` if no cell is there.
        """
        return None

    def cell_rect(self, index: int, width: int | None = None) -> pygame.Rect:
        """Return the rectangle of a cell in the painted scene; the inverse of ``cell_at``.

        Args:
            index: Index of the cell, row by row.
            width: The ``width`` that was given to ``paint``.

        Raises:
            ValueError: if the scene has no cells.
        """
        raise ValueError("this scene has no cells")

    def visible(self, tokens: np.ndarray) -> np.ndarray:
        """Return those of the tokens ``(seq_len,)`` that the cells of this scene show, in order."""
        return tokens

    def changed_since(self, before: Scene) -> tuple[int, ...]:
        """Return the cells that differ from an earlier scene of the same episode."""
        return ()


class BoardScene(Scene):
    """A scene of one square board of cells.

    Attributes:
        tokens: uint8 ``(n*n,)``, row by row.
    """

    tokens: np.ndarray

    @property
    def side(self) -> int:
        """Cells along one edge of the board."""
        return math.isqrt(self.tokens.size)

    def cell_at(self, point: tuple[int, int], width: int | None = None) -> int | None:
        """Return the cell under a pixel of the painted scene, or ``None`` beside the board."""
        from .drawing import Board

        return Board(self.side, self.checked_width(width)).index_at(point)

    def cell_rect(self, index: int, width: int | None = None) -> pygame.Rect:
        """Return the rectangle of a cell in the painted scene; the inverse of ``cell_at``."""
        from .drawing import Board

        return Board(self.side, self.checked_width(width)).rect(index)


def changed_cells(before: np.ndarray, after: np.ndarray) -> tuple[int, ...]:
    """Return the indices at which two arrays of cells differ; none if their shapes differ."""
    if before.shape != after.shape:
        return ()
    return tuple(np.flatnonzero(before != after).tolist())


def locked(array: np.ndarray) -> np.ndarray:
    """Make an array read-only and return it."""
    array.setflags(write=False)
    return array


def board_tokens(value: npt.ArrayLike, largest: int | None = None) -> np.ndarray:
    """Return a locked uint8 copy of the tokens of a square board.

    Args:
        value: Integers ``(n*n,)``.
        largest: The largest token, ``n + 1`` by default.

    Raises:
        ValueError: if the shape, the type or a token is wrong.
    """
    array = np.array(value)
    side = math.isqrt(array.size)
    if array.ndim != 1 or side < 2 or side * side != array.size:
        raise ValueError(f"tokens must be a flat square board, not an array of shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise ValueError(f"tokens must be integers, not {array.dtype}")
    largest = side + 1 if largest is None else largest
    if array.min() < 0 or array.max() > largest:
        raise ValueError(
            f"tokens must lie in 0..{largest}, but they span {array.min()}..{array.max()}"
        )
    return locked(array.astype(np.uint8))


def optional_mask(name: str, value: npt.ArrayLike | None, length: int) -> np.ndarray | None:
    """Return a locked bool copy of a mask ``(length,)``, or ``None``.

    Raises:
        ValueError: if the shape is wrong.
    """
    if value is None:
        return None
    array = np.array(value)
    if array.shape != (length,):
        raise ValueError(f"{name} must have shape ({length},) as tokens has, not {array.shape}")
    return locked(array.astype(bool))


def optional_probabilities(
    name: str, value: npt.ArrayLike | None, shape: tuple[int, ...]
) -> np.ndarray | None:
    """Return a locked float32 copy of one probability per cell, or ``None``.

    Raises:
        ValueError: if the shape is wrong or a value is not a probability.
    """
    if value is None:
        return None
    array = np.array(value, np.float32)
    if array.shape != shape or not np.all((array >= 0) & (array <= 1)):
        raise ValueError(f"{name} must be probabilities of shape {shape}, one a cell")
    return locked(array)


def optional_cell(name: str, value: int | None, length: int) -> int | None:
    """Return the index of a cell, or ``None``.

    Raises:
        ValueError: if the board has no such cell.
    """
    if value is None:
        return None
    if not 0 <= int(value) < length:
        raise ValueError(f"{name} must be a cell in 0..{length - 1}, not {value}")
    return int(value)
