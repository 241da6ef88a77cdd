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
    "mixer": ("attention", "mlp", "relations"),
    "symbols": ("tokens", "equivariant"),
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
    "fixed_tokens": 0,
    "special_symbols": 0,
}
FLAGS = ("shared", "q_continue", "puzzle_per_symbol", "zero_start", "recompute_activations")
RENAMED = {"checkpoint": "recompute_activations"}
"""Old names of fields, as in older checkpoints, and their current names."""


def present_names(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a model under their present names."""
    return {RENAMED.get(name, name): value for name, value in fields.items()}


@dataclasses.dataclass(frozen=True)
class HRMConfig:
    """The architecture of an ``HRM``; the defaults are those of the published HRM.

    Raises:
        ValueError: if a value is invalid; the message names the field.
    """

    vocab_size: int
    """Number of tokens, including padding."""
    seq_len: int
    """Number of positions of a puzzle."""
    hidden_size: int = 512
    num_heads: int = 8
    expansion: float = 4.0
    """Inner width of the SwiGLU relative to its width, before the factor 2/3 and rounding up."""
    round_to: int = 256
    """The inner width of the SwiGLU is a multiple of this. Small models need a small value: with
    256, a mixer over 16 positions would be 16 times as wide as its input."""
    H_layers: int = 4
    """Blocks of the planner; unused if ``shared``."""
    L_layers: int = 4
    """Blocks of the executor."""
    H_cycles: int = 2
    L_cycles: int = 2
    positions: str = "rotary"
    """``rotary``, ``rotary2d`` (rows and columns of a square grid), ``learned`` or ``none``.
    The MLP mixer depends on positions by itself and ignores both rotary kinds."""
    mixer: str = "attention"
    """What mixes positions: ``attention``, ``mlp`` (the TRM's, for short sequences) or
    ``relations``, which makes the weights independent of ``seq_len``."""
    relations: tuple[str, ...] = ()
    """Names of the task's relations, with ``mixer="relations"``."""
    symbols: str = "tokens"
    """``tokens``, or ``equivariant`` for interchangeable symbols: the state is kept for each pair
    of a position and a symbol, and no permutation of the symbols has to be learned."""
    fixed_tokens: int = 0
    """Tokens below this number are not symbols, with ``symbols="equivariant"``."""
    special_symbols: int = 0
    """Number of symbols, counted from the first one, that have an embedding of their own, such as
    black, the background of ARC. They are then not interchangeable with the others."""
    shared: bool = False
    """Whether planner and executor are the same module (TRM)."""
    grad: str = "one_step"
    """Which updates have gradients: ``one_step``, the last update of each state (HRM);
    ``last_cycle``, the last H cycle (TRM); ``segment``, every update."""
    q_continue: bool = True
    """Whether the second Q-value is used; without it the model halts if q_halt > 0 (TRM)."""
    num_puzzles: int = 0
    """Rows of the puzzle embedding; 0: no puzzle embedding."""
    puzzle_emb_dim: int | None = None
    """Width of a puzzle embedding; None: ``hidden_size``."""
    puzzle_per_symbol: bool = False
    """Whether a puzzle has a vector of this width for each symbol, with ``symbols="equivariant"``.
    Otherwise a puzzle could not distinguish one symbol from another."""
    puzzle_emb_len: int = 1
    """Positions of a puzzle embedding, zero-padded to ``puzzle_emb_len * hidden_size`` values."""
    registers: int = 0
    """Learned register tokens between the puzzle embedding and the puzzle."""
    zero_start: bool = False
    """Whether the initial carry is zero instead of random. Then one cycle is a plain transformer of
    executor and planner blocks, and several cycles with ``shared`` are a looped transformer."""
    recompute_activations: bool = False
    """Whether activations are recomputed in the backward pass instead of stored."""

    def __post_init__(self) -> None:
        """Check every field."""
        for name, low in MINIMUM.items():
            check_whole(name, getattr(self, name), low)
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}")
        for name in FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}: expected true or false, got {getattr(self, name)!r}")
        check_positive("expansion", self.expansion)
        if not self.shared and self.H_layers < 1:
            raise ValueError("H_layers: expected at least 1 unless shared is true, got 0")
        if self.mixer == "attention":
            self._check_heads()
        self._check_relations()
        width = self.puzzle_emb_dim
        if width is not None and (isinstance(width, bool) or not isinstance(width, int)):
            raise ValueError(f"puzzle_emb_dim: expected an integer or None, got {width!r}")
        room = self.puzzle_emb_len * self.hidden_size
        if self.num_puzzles and width is not None and not 1 <= width <= room:
            raise ValueError(
                f"puzzle_emb_dim: expected 1 to puzzle_emb_len * hidden_size = {room}, got {width}"
            )

    def _check_relations(self) -> None:
        known = [isinstance(name, str) and bool(name) for name in self.relations]
        if not all(known) or len(set(self.relations)) != len(known):
            raise ValueError(f"relations: expected different names, got {self.relations!r}")
        if bool(self.relations) != (self.mixer == "relations"):
            raise ValueError(
                f"relations: expected names with mixer='relations' and none with others, got "
                f"{self.relations!r} with {self.mixer!r}"
            )
        if self.mixer == "relations":
            if self.positions != "none":
                raise ValueError(
                    f"positions: expected 'none' with mixer='relations', got {self.positions!r}"
                )
            if self.registers or self.puzzle_emb_len != 1:
                raise ValueError(
                    "registers, puzzle_emb_len: expected 0 and 1 with mixer='relations', got "
                    f"{self.registers} and {self.puzzle_emb_len}"
                )
        equivariant = self.symbols == "equivariant"
        if equivariant and self.mixer != "relations":
            raise ValueError(f"symbols: equivariant needs mixer='relations', got {self.mixer!r}")
        if equivariant != bool(self.fixed_tokens) or self.fixed_tokens >= self.vocab_size:
            raise ValueError(
                f"fixed_tokens: expected 1 to vocab_size - 1 with symbols='equivariant' and 0 with "
                f"'tokens', got {self.fixed_tokens}"
            )
        if self.puzzle_per_symbol and not equivariant:
            raise ValueError("puzzle_per_symbol: expected false unless symbols='equivariant'")
        most = self.vocab_size - self.fixed_tokens if equivariant else 0
        if self.special_symbols > most:
            raise ValueError(
                f"special_symbols: expected at most {most} with symbols={self.symbols!r}, got "
                f"{self.special_symbols}"
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
        width = self.hidden_size if self.puzzle_emb_dim is None else self.puzzle_emb_dim
        return width * (self.vocab_size - self.fixed_tokens) if self.puzzle_per_symbol else width

    def inner(self, width: int) -> int:
        """Return the inner width of a SwiGLU over ``width`` values."""
        return -(-round(self.expansion * width * 2 / 3) // self.round_to) * self.round_to

    @property
    def prefix_len(self) -> int:
        """Number of positions before the puzzle: puzzle embedding, then registers.

        With ``mixer="relations"`` there are none; the puzzle embedding is added to every position.
        """
        if self.mixer == "relations":
            return 0
        return (self.puzzle_emb_len if self.num_puzzles else 0) + self.registers

    @property
    def total_len(self) -> int:
        """Number of positions of the hidden states: the prefix and the puzzle."""
        return self.prefix_len + self.seq_len

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return {**dataclasses.asdict(self), "relations": list(self.relations)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> HRMConfig:
        """Read what ``to_dict`` wrote.

        Raises:
            ValueError: if a name is unknown or missing (all are listed), or a value is invalid.
        """
        fields, values = dataclasses.fields(cls), present_names(values)
        unknown = sorted(set(values) - {field.name for field in fields})
        if unknown:
            raise ValueError(f"unknown HRMConfig fields: {', '.join(unknown)}")
        required = [field.name for field in fields if field.default is dataclasses.MISSING]
        missing = [name for name in required if name not in values]
        if missing:
            raise ValueError(f"missing HRMConfig fields: {', '.join(missing)}")
        if isinstance(values.get("relations"), list):
            values = {**values, "relations": tuple(values["relations"])}
        return cls(**values)
