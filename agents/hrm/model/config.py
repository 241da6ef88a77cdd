"""The configuration of the model: one dataclass for the HRM and the TRM family."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from hrm_gym.checks import check_positive, check_whole

NORM_EPS = 1e-5
ROTARY_BASE = 10000.0
CHOICES = {
    "positions": ("rotary", "rotary2d", "learned", "none"),
    "mixer": ("attention", "mlp"),
    "grad": ("one_step", "last_cycle", "segment"),
}
MINIMUM = {
    "vocab_size": 2,
    "seq_len": 1,
    "hidden_size": 1,
    "num_heads": 1,
    "H_layers": 0,
    "L_layers": 1,
    "H_cycles": 1,
    "L_cycles": 1,
    "num_puzzles": 0,
    "puzzle_emb_len": 1,
    "registers": 0,
    "round_to": 1,
}
RENAMED = {"checkpoint": "recompute_activations"}
"""Names of fields in checkpoints that were written before the field got its present name."""


def present_names(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a model under their present names."""
    return {RENAMED.get(name, name): value for name, value in fields.items()}


@dataclasses.dataclass(frozen=True)
class HRMConfig:
    """Shape and wiring of an :class:`.model.HRM`; the defaults are the published HRM's.

    Raises:
        ValueError: if a value makes no sense; the message names the field.
    """

    vocab_size: int
    """Number of tokens, padding included."""
    seq_len: int
    """Number of grid positions."""
    hidden_size: int = 512
    num_heads: int = 8
    expansion: float = 4.0
    """Width of the SwiGLU before its factor 2/3 and the rounding up."""
    round_to: int = 256
    """The SwiGLU's inner width is a multiple of this. Small models on a CPU want it small: with
    256 a mixer over 16 positions would be sixteen times as wide as what it mixes."""
    H_layers: int = 4
    """Blocks of the planner; unused where ``shared``."""
    L_layers: int = 4
    """Blocks of the executor."""
    H_cycles: int = 2
    L_cycles: int = 2
    positions: str = "rotary"
    """``rotary``, ``rotary2d`` (rows and columns of a square grid), ``learned`` or ``none``.
    The MLP mixer tells positions apart by itself and ignores both rotary kinds."""
    mixer: str = "attention"
    """What mixes positions: ``attention`` or ``mlp`` (the TRM's, for short sequences)."""
    shared: bool = False
    """One module plays both roles (TRM)."""
    grad: str = "one_step"
    """What carries gradient: ``one_step``, the last update of each state (HRM);
    ``last_cycle``, the last H cycle (TRM); ``segment``, every update."""
    q_continue: bool = True
    """Whether the second Q-value is used; without it the model halts where q_halt > 0 (TRM)."""
    num_puzzles: int = 0
    """Rows of the puzzle embedding; 0 means there is none."""
    puzzle_emb_dim: int | None = None
    """Width of a puzzle embedding; None means ``hidden_size``."""
    puzzle_emb_len: int = 1
    """Positions that a puzzle embedding fills, zero-padded to ``puzzle_emb_len * hidden_size``."""
    registers: int = 0
    """Learned register tokens between the puzzle embedding and the grid."""
    zero_start: bool = False
    """Thinking starts from zeros. Without random vectors in between, one cycle is a plain
    transformer of executor and planner blocks, and more with ``shared`` are a looped one."""
    recompute_activations: bool = False
    """Recompute activations in the backward pass instead of keeping them."""

    def __post_init__(self) -> None:
        """Check every field."""
        for name, low in MINIMUM.items():
            check_whole(name, getattr(self, name), low)
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}")
        for name in ("shared", "q_continue", "zero_start", "recompute_activations"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}: expected true or false, got {getattr(self, name)!r}")
        check_positive("expansion", self.expansion)
        if not self.shared and self.H_layers < 1:
            raise ValueError("H_layers: expected at least 1 unless shared is true, got 0")
        if self.mixer == "attention":
            self._check_heads()
        width = self.puzzle_emb_dim
        if width is not None and (isinstance(width, bool) or not isinstance(width, int)):
            raise ValueError(f"puzzle_emb_dim: expected an integer or None, got {width!r}")
        if (
            self.num_puzzles
            and not 1 <= self.puzzle_width <= self.puzzle_emb_len * self.hidden_size
        ):
            raise ValueError(
                f"puzzle_emb_dim: expected 1 to puzzle_emb_len * hidden_size = "
                f"{self.puzzle_emb_len * self.hidden_size}, got {self.puzzle_width}"
            )

    def _check_heads(self) -> None:
        if self.hidden_size % self.num_heads:
            raise ValueError(
                f"num_heads: expected a divisor of hidden_size = {self.hidden_size}, "
                f"got {self.num_heads}"
            )
        divisor = {"rotary": 2, "rotary2d": 4}.get(self.positions, 1)
        head_dim = self.hidden_size // self.num_heads
        if head_dim % divisor:
            raise ValueError(
                f"positions: {self.positions} needs hidden_size / num_heads to be a multiple of "
                f"{divisor}, got {head_dim}"
            )
        if self.positions == "rotary2d" and math.isqrt(self.seq_len) ** 2 != self.seq_len:
            raise ValueError(
                f"seq_len: expected a square with positions='rotary2d', got {self.seq_len}"
            )

    @property
    def puzzle_width(self) -> int:
        """Width of one row of the puzzle embedding."""
        return self.hidden_size if self.puzzle_emb_dim is None else self.puzzle_emb_dim

    def inner(self, width: int) -> int:
        """Inner width of a SwiGLU over ``width`` values."""
        return -(-round(self.expansion * width * 2 / 3) // self.round_to) * self.round_to

    @property
    def prefix_len(self) -> int:
        """Positions in front of the grid: puzzle embedding, then registers."""
        return (self.puzzle_emb_len if self.num_puzzles else 0) + self.registers

    @property
    def total_len(self) -> int:
        """Positions of the hidden states: the prefix, then the grid."""
        return self.prefix_len + self.seq_len

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> HRMConfig:
        """Read what :meth:`to_dict` wrote.

        Raises:
            ValueError: if a name is unknown or missing (all are listed), or a value makes no sense.
        """
        fields, values = dataclasses.fields(cls), present_names(values)
        unknown = sorted(set(values) - {field.name for field in fields})
        if unknown:
            raise ValueError(f"unknown HRMConfig fields: {', '.join(unknown)}")
        required = [field.name for field in fields if field.default is dataclasses.MISSING]
        missing = [name for name in required if name not in values]
        if missing:
            raise ValueError(f"missing HRMConfig fields: {', '.join(missing)}")
        return cls(**values)
