"""The Hierarchical Reasoning Model: two recurrent modules that think in segments.

One configuration covers the Hierarchical Reasoning Model (HRM, arXiv 2506.21734) and the Tiny
Recursive Model (TRM, arXiv 2510.04871). A slow *planner* (the H module) and a fast *executor*
(the L module) update two hidden states, z_H and z_L; one *segment* consists of ``H_cycles`` x
``L_cycles`` of these updates and computes an answer and two Q-values from z_H.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .blocks import Places, Recurrence
from .config import HRMConfig
from .embedding import Embedded, truncated_normal_
from .layers import Linear
from .reference import (
    bare_weights,
    config_from_reference,
    weights_from_reference,
    weights_to_reference,
)
from .relations import Board, Links

if TYPE_CHECKING:
    from hrm_gym.puzzles import Task


class Carry(NamedTuple):
    """The hidden states between segments, detached: two (B, prefix + seq_len, hidden) tensors.

    With equivariant symbols they are (B, seq_len, symbols, hidden).
    """

    z_H: Tensor
    z_L: Tensor


class Output(NamedTuple):
    """The outputs of a segment: logits (B, seq_len, vocab) and Q-values (B,) in float32.

    ``q_continue`` is None if the configuration does not use it.
    """

    logits: Tensor
    q_halt: Tensor
    q_continue: Tensor | None


class ParamGroups(NamedTuple):
    """The parameters, grouped by the optimizer that suits them."""

    matrices: list[nn.Parameter]
    """2-D weights inside the blocks."""
    other: list[nn.Parameter]
    """Embeddings, registers, heads and biases."""
    puzzle: list[nn.Parameter]
    """The puzzle embedding, if there is one; its gradient is sparse, see ``SignSGD``."""


class HRM(Embedded):
    """The model (HRM paper, arXiv 2506.21734, section 2; TRM paper, arXiv 2510.04871, section 4).

    Weights are float32. The caller chooses the dtype of the computation and of the carry with
    ``torch.autocast``. ``cycles``, (H, L), is the depth of a segment; a curriculum may set it to
    less than that of the configuration.
    """

    z_H_0: Tensor
    z_L_0: Tensor

    def __init__(self, config: HRMConfig) -> None:
        super().__init__(config)
        self.cycles = (config.H_cycles, config.L_cycles)
        width = config.hidden_size
        self.register_emb = self._table(config.registers) if config.registers else None
        special = config.special_symbols
        self.special_emb = self._table(special) if special else None
        self.puzzle_emb: nn.Parameter | None = None
        if config.num_puzzles:
            self.puzzle_emb = nn.Parameter(torch.zeros(config.num_puzzles, config.puzzle_width))
        self.planner = None if config.shared else Recurrence(config, config.H_layers)
        self.executor = Recurrence(config, config.L_layers)
        # With equivariant symbols a pair has one logit, and a position those of the fixed tokens.
        equivariant = config.symbols == "equivariant"
        self.head = Linear(width, 1 if equivariant else config.vocab_size)
        self.fixed_head = Linear(width, config.fixed_tokens) if equivariant else None
        # The model almost never halts at first; otherwise random Q-values would end episodes.
        pooled = 2 * width if config.mixer == "relations" else width
        self.q_head = Linear(pooled, 2, bias=True)
        nn.init.zeros_(self.q_head.weight)
        nn.init.constant_(self.q_head.bias, -5.0)  # type: ignore[arg-type]
        for name in ("z_H_0", "z_L_0"):
            start = torch.zeros(width)
            self.register_buffer(
                name, start if config.zero_start else truncated_normal_(start, 1.0)
            )
        self.boards: dict[int, Board] = {}

    def learn_board(self, task: Task) -> None:
        """Prepare the model for a task of any size; only with ``mixer="relations"``.

        Raises:
            ValueError: if the weights cannot serve the task.
        """
        self.boards[task.seq_len] = Board.of(task, self.config)
        # Copied to the device now, so that the first step on a new size does not wait for it.
        self.board(task.seq_len)

    def board(self, seq_len: int) -> Board:
        """Return the board of a number of positions.

        Raises:
            ValueError: if no task with this number of positions was given to ``learn_board``.
        """
        if seq_len not in self.boards:
            known = ", ".join(f"{n} ({board.task})" for n, board in sorted(self.boards.items()))
            raise ValueError(
                f"tokens: {seq_len} positions, but the model was given the relations of "
                f"{known or 'none'}; see learn_board."
            )
        board, device = self.boards[seq_len], self.z_H_0.device
        if board.links.pool.device != device:
            board = self.boards[seq_len] = board._replace(links=board.links.to(device))
        return board

    def param_groups(self) -> ParamGroups:
        """Return all parameters: matrices of the blocks, other parameters, puzzle embedding."""
        groups = ParamGroups([], [], [])
        for name, parameter in self.named_parameters():
            if name == "puzzle_emb":
                groups.puzzle.append(parameter)
            elif ".blocks." in name and parameter.ndim == 2:
                groups.matrices.append(parameter)
            else:
                groups.other.append(parameter)
        return groups

    def initial_carry(
        self,
        batch: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        seq_len: int | None = None,
    ) -> Carry:
        """Return the carry at the start of an episode: z_H_0 and z_L_0 at every position.

        Args:
            batch: Number of rows B.
            device: Default: the device of the model.
            dtype: Default: the dtype of autocast if it is enabled, else float32.
            seq_len: Number of positions; default: the configuration's. Only ``mixer="relations"``
                allows another one.

        Returns:
            Two (B, prefix + seq_len, hidden) tensors, or (B, seq_len, symbols, hidden) with
            equivariant symbols. They are expanded; do not write to them.
        """
        place = self.z_H_0.device if device is None else torch.device(device)
        dtype = self._compute_dtype(place) if dtype is None else dtype
        shape = (batch, *self._places(seq_len), self.config.hidden_size)
        return Carry(
            self.z_H_0.to(place, dtype).expand(shape), self.z_L_0.to(place, dtype).expand(shape)
        )

    def _places(self, seq_len: int | None) -> tuple[int, ...]:
        """Return the shape of a row of the carry without its last dimension."""
        if seq_len in (None, self.config.seq_len) and self.config.symbols == "tokens":
            return (self.config.total_len,)
        if self.config.mixer != "relations":
            raise ValueError(
                f"seq_len: this mixer is over {self.config.seq_len} positions, got {seq_len}."
            )
        length = self.config.seq_len if seq_len is None else seq_len
        if self.config.symbols == "tokens":
            return (length,)
        return length, self.board(length).vocab_size - self.config.fixed_tokens

    def reset_carry(self, carry: Carry, mask: Tensor) -> Carry:
        """Return the carry with those rows reset in which ``mask``, ``(B,)`` bool, is True."""
        rows = mask.view(-1, *(1,) * (carry.z_H.ndim - 1))
        return Carry(
            torch.where(rows, self.z_H_0.to(carry.z_H.dtype), carry.z_H),
            torch.where(rows, self.z_L_0.to(carry.z_L.dtype), carry.z_L),
        )

    def segment(
        self, carry: Carry, tokens: Tensor, puzzle_ids: Tensor | None = None
    ) -> tuple[Carry, Output]:
        """Compute one segment.

        Args:
            carry: From ``initial_carry``, ``reset_carry`` or the last segment.
            tokens: ``(B, seq_len)``, any integer dtype; with ``mixer="relations"`` of any length
                that ``learn_board`` was given.
            puzzle_ids: ``(B,)``, any integer dtype; ignored by a model without puzzle embedding.

        Returns:
            The new carry, detached, and the ``Output``.

        Raises:
            ValueError: if the shape of ``tokens`` is wrong, or ``puzzle_ids`` are missing.
        """
        fixed = self.config.mixer != "relations"
        if tokens.ndim != 2 or (fixed and tokens.shape[1] != self.config.seq_len):
            raise ValueError(
                f"tokens must have shape (batch, {self.config.seq_len}), got {tuple(tokens.shape)}."
            )
        rows = None
        if self.puzzle_emb is not None:
            if puzzle_ids is None:
                raise ValueError("puzzle_ids must be given: the model has a puzzle embedding.")
            rows = self.puzzle_rows(puzzle_ids)
        dtype = self._compute_dtype(tokens.device)
        return self(Carry(carry.z_H.to(dtype), carry.z_L.to(dtype)), tokens, rows)

    def puzzle_rows(self, puzzle_ids: Tensor, sparse: bool = True) -> Tensor:
        """Return the embeddings of puzzle ids, ``(B, puzzle_width)``.

        The lookup is not in ``forward``, since compiled code does not support sparse tensors.

        Args:
            puzzle_ids: ``(B,)``, any integer dtype.
            sparse: Whether the gradient of the table is sparse. The cost then does not depend on
                the size of the table.

        Raises:
            ValueError: if the model has no puzzle embedding.
        """
        if self.puzzle_emb is None:
            raise ValueError("puzzle_rows: expected a model with a puzzle embedding.")
        return F.embedding(puzzle_ids.long(), self.puzzle_emb, sparse=sparse)

    def forward(
        self, carry: Carry, tokens: Tensor, puzzle_rows: Tensor | None = None
    ) -> tuple[Carry, Output]:
        """Compute a segment in the dtype of the carry, given the rows of the puzzle embedding.

        Args:
            carry: The last carry.
            tokens: ``(B, seq_len)``, any integer dtype.
            puzzle_rows: ``(B, puzzle_width)``, from ``puzzle_rows``.
        """
        links = self.board(tokens.shape[1]).links if self.relational else None
        x = self._embed(tokens, puzzle_rows).to(carry.z_H.dtype)
        z_H, z_L = carry
        (H_cycles, L_cycles), grad = self.cycles, self.config.grad
        with torch.set_grad_enabled(torch.is_grad_enabled() and grad == "segment"):
            for _ in range(H_cycles - 1):
                z_H, z_L = self._cycle(z_H, z_L, x, L_cycles, links)
        if grad == "one_step":
            with torch.no_grad():
                z_L = self._execute(z_H, z_L, x, L_cycles - 1, links)
            L_cycles = 1
        z_H, z_L = self._cycle(z_H, z_L, x, L_cycles, links)
        q_halt, q_continue = self.read_q(z_H, links)
        output = Output(self._answer(z_H, links), q_halt, q_continue)
        return Carry(z_H.detach(), z_L.detach()), output

    def read_q(self, z_H: Tensor, links: Links | None = None) -> tuple[Tensor, Tensor | None]:
        """Return q_halt and q_continue, (B,) float32, after a segment that ended with ``z_H``.

        The Q head reads position 0 or, with ``mixer="relations"``, the mean and the minimum over
        all positions.
        """
        if self.relational:
            states = z_H.flatten(1, -2)
            mean = states.mean(1)
            if links is not None and links.counts is not None:
                mean = links.over_symbols(z_H).mean(1)
            pooled = torch.cat((mean, states.amin(1)), dim=-1)
        else:
            pooled = z_H[:, 0]
        q = self.q_head(pooled).float()
        return q[:, 0], q[:, 1] if self.config.q_continue else None

    def _answer(self, z_H: Tensor, links: Links | None) -> Tensor:
        """Return the logits, ``(B, seq_len, vocab)``; equal symbols share theirs."""
        if self.fixed_head is None or links is None:
            return self.head(z_H[:, self.config.prefix_len :])
        symbols = self.head(z_H)[..., 0]
        if links.counts is not None:
            symbols = symbols + links.counts.log()
        return torch.cat((self.fixed_head(links.over_symbols(z_H)), symbols), dim=-1)

    def _compute_dtype(self, device: torch.device) -> torch.dtype:
        if torch.is_autocast_enabled(device.type):
            return torch.get_autocast_dtype(device.type)
        return self.token_emb.dtype

    def _embed(self, tokens: Tensor, puzzle_rows: Tensor | None) -> Tensor:
        """Return sqrt(hidden) * (puzzle embedding, registers, tokens), ``(B, length, hidden)``."""
        batch, width = len(tokens), self.config.hidden_size
        if self.relational:
            return self._embed_anywhere(tokens, puzzle_rows)
        parts = []
        if puzzle_rows is not None:
            room = self.config.puzzle_emb_len * width
            rows = F.pad(puzzle_rows, (0, room - puzzle_rows.shape[-1]))
            parts.append(rows.view(batch, self.config.puzzle_emb_len, width))
        if self.register_emb is not None:
            parts.append(self.register_emb.expand(batch, -1, -1))
        parts.append(F.embedding(tokens.int(), self.token_emb))
        x = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
        if self.position_emb is not None:
            x = math.sqrt(0.5) * (x + self.position_emb)
        return self.scale * x

    def _embed_anywhere(self, tokens: Tensor, puzzle_rows: Tensor | None) -> Tensor:
        """Return token embeddings plus the puzzle embedding, equal at all positions.

        With equivariant symbols the result is ``(B, seq_len, symbols, hidden)``.
        """
        tokens = tokens.int()
        if self.fixed_head is not None:
            # Each pair is a fixed token, "not this symbol" or "this symbol".
            fixed, vocab = self.config.fixed_tokens, self.board(tokens.shape[1]).vocab_size
            symbol = torch.arange(fixed, vocab, dtype=torch.int32, device=tokens.device)
            here = tokens[..., None]
            tokens = torch.where(here < fixed, here, fixed + (here == symbol).int())
        # For a table of a few rows, the gradient of a matrix product is faster than of an index.
        dtype = self._compute_dtype(tokens.device)
        x = F.one_hot(tokens.long(), len(self.token_emb)).to(dtype) @ self.token_emb.to(dtype)
        if self.special_emb is not None:
            x = x + F.pad(self.special_emb, (0, 0, 0, x.shape[2] - len(self.special_emb)))
        if puzzle_rows is not None:
            room = self.config.hidden_size
            parts = x.shape[2] if self.config.puzzle_per_symbol else 1
            rows = puzzle_rows.view(len(puzzle_rows), *(1,) * (x.ndim - 3), parts, -1)
            x = x + F.pad(rows, (0, room - rows.shape[-1]))
        return self.scale * x

    def _execute(
        self, z_H: Tensor, z_L: Tensor, x: Tensor, updates: int, links: Links | None = None
    ) -> Tensor:
        """Return z_L after this number of updates."""
        for _ in range(updates):
            z_L = self._recur(self.executor, z_L, z_H + x, links)
        return z_L

    def _cycle(
        self, z_H: Tensor, z_L: Tensor, x: Tensor, updates: int, links: Links | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return (z_H, z_L) after an H cycle: updates of z_L, then one update of z_H."""
        z_L = self._execute(z_H, z_L, x, updates, links)
        return self._recur(self.planner or self.executor, z_H, z_L, links), z_L

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile one H cycle with ``torch.compile``, so that deep segments compile quickly.

        With ``mixer="relations"`` it compiles a single update, since there are several sizes.
        """
        if self.relational:
            self._recur = torch.compile(self._recur, *args, **kwargs)  # type: ignore[method-assign]
            return
        self._execute = torch.compile(self._execute, *args, **kwargs)  # type: ignore[method-assign]
        self._cycle = torch.compile(self._cycle, *args, **kwargs)  # type: ignore[method-assign]

    def _recur(
        self, module: Recurrence, h: Tensor, injection: Tensor, links: Links | None
    ) -> Tensor:
        places: Places = (self.cos, self.sin) if self.rotary else links
        if self.config.recompute_activations and torch.is_grad_enabled():
            return checkpoint(
                module, h, injection, places, use_reentrant=False, preserve_rng_state=False
            )
        return module(h, injection, places)

    @classmethod
    def from_reference(
        cls, state_dict: Mapping[str, Any], config: HRMConfig | Mapping[str, Any]
    ) -> HRM:
        """Build a model from published weights.

        Args:
            state_dict: Published name -> tensor or array of any float dtype; names may begin with
                ``_orig_mod.``, ``model.`` and ``inner.``. The weights are converted to float32.
            config: An ``HRMConfig``, or a mapping in the published names.

        Raises:
            ValueError: if entries are missing, superfluous or of another shape, or the
                configuration is invalid.
        """
        published = bare_weights(state_dict)
        if not isinstance(config, HRMConfig):
            # A TRM has one module for both roles.
            shared = not any(name.startswith("H_level.") for name in published)
            config = config_from_reference(config, shared)
        model = cls(config)
        model.load_state_dict(weights_from_reference(published, model.state_dict()))
        return model

    def to_reference(self) -> dict[str, Tensor]:
        """Return the weights under the published names; they share memory with this model.

        Raises:
            ValueError: if the published code has no such model (registers, rotary2d).
        """
        return weights_to_reference(self.config, self.state_dict())
