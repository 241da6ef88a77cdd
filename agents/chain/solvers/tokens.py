"""The tokens of steps."""

from typing import NamedTuple


class StepTokens(NamedTuple):
    """The tokens that a solver may write besides those of the task.

    Attributes:
        first_cell: Token of cell 0; the tokens of the other cells follow.
        guess: Token before a guess.
        back: Token that undoes everything since the last guess.
    """

    first_cell: int
    guess: int
    back: int
