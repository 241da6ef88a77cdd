"""The Hierarchical Reasoning Model: two recurrent modules that think in segments.

One configuration covers the Hierarchical Reasoning Model (HRM, arXiv 2506.21734) and the Tiny
Recursive Model (TRM, arXiv 2510.04871). A slow *planner* (the H module) and a fast *executor*
(the L module) update two hidden states, z_H and z_L; one *segment* consists of ``H_cycles`` x
``L_cycles`` of these updates and computes an answer and two Q-values from z_H.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .caches import KeyValues
from .config import NORM_EPS, HRMConfig
from .embedding import Embedded, truncated_normal_
from .reference import (
    bare_weights,
    config_from_reference,
    weights_from_reference,
    weights_to_reference,
)


class Carry(NamedTuple):
    """The hidden states between segments, detached: two (B, prefix + seq_len, hidden) tensors."""

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
    """The puzzle embedding, if there is one; its gradient is sparse, see :class:`SignSGD`."""


def normalize(x: Tensor) -> Tensor:
    """Return the RMSNorm without gain over the last dimension, computed in float32.

    The formula is written out as in the published code. A fused kernel sums in another order, and a
    recurrent network with random weights (``trm_mlp`` of the recorded numbers) amplifies the
    difference to another answer within a few segments.

    Args:
        x: ``(..., width)``; the result has the same dtype.
    """
    wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + NORM_EPS)).to(x.dtype)


class Linear(nn.Module):
    """A linear map whose float32 weight is cast to the dtype of the input.

    The cast is explicit instead of autocast's, since some versions of PyTorch also cache the casts
    under ``no_grad``, and a weight that is first used there then gets no gradient.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        truncated_normal_(self.weight, 1 / math.sqrt(inputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., inputs)`` to ``(..., outputs)``."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.linear(x, self.weight.to(x.dtype), bias)


class SwiGLU(nn.Module):
    """The map down(silu(gate(x)) * up(x)); gate and up are one projection, gate first."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_up = Linear(width, 2 * inner)
        self.down = Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., width)`` to ``(..., width)``."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Attention(nn.Module):
    """Multi-head attention over all positions; queries and keys are rotated by (cos, sin)."""

    def __init__(self, config: HRMConfig) -> None:
        super().__init__()
        self.heads = config.num_heads
        self.qkv = Linear(config.hidden_size, 3 * config.hidden_size)
        self.out = Linear(config.hidden_size, config.hidden_size)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor] | None, past: KeyValues | None = None
    ) -> Tensor:
        """Map ``(B, length, hidden)`` to the same shape; with ``past``, attention is causal."""
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        # Each (B, heads, length, head_dim); queries and keys are rotated together.
        if rotation is None:
            q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        else:
            q, k = rotate(qkv[:, :, :2], *rotation).permute(2, 0, 3, 1, 4).unbind(0)
            v = qkv[:, :, 2].transpose(1, 2)
        attend = F.scaled_dot_product_attention if past is None else past.attend
        mixed = attend(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (i, i + head_dim/2) of x (B, length, 2, heads, head_dim).

    The computation has the dtype of cos and sin: float32 unless the whole model is float64.
    """
    cos, sin = cos[:, None, None], sin[:, None, None]
    first, second = x.to(cos.dtype).chunk(2, dim=-1)
    turned = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return turned.to(x.dtype)


class Block(nn.Module):
    """A block with post-norm: h = norm(h + mix(h)); h = norm(h + swiglu(h)).

    The MLP mixer is a SwiGLU over positions, and its norm is also taken over positions (TRM).
    """

    def __init__(self, config: HRMConfig) -> None:
        super().__init__()
        self.mixer: Attention | SwiGLU
        if config.mixer == "attention":
            self.mixer = Attention(config)
        else:
            self.mixer = SwiGLU(config.total_len, config.inner(config.total_len))
        self.channel = SwiGLU(config.hidden_size, config.inner(config.hidden_size))

    def forward(
        self, h: Tensor, rotation: tuple[Tensor, Tensor] | None, past: KeyValues | None = None
    ) -> Tensor:
        """Map ``(B, length, hidden)`` to the same shape; ``past`` as in :class:`Attention`."""
        if isinstance(self.mixer, Attention):
            h = normalize(h + self.mixer(h, rotation, past))
        else:
            turned = h.transpose(1, 2)
            h = normalize(turned + self.mixer(turned)).transpose(1, 2)
        return normalize(h + self.channel(h))


class Recurrence(nn.Module):
    """The planner or the executor: add the injection, then apply the blocks."""

    def __init__(self, config: HRMConfig, layers: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(layers))

    def forward(
        self, h: Tensor, injection: Tensor, rotation: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        """Return the new state; all are ``(B, length, hidden)``."""
        h = h + injection
        for block in self.blocks:
            h = block(h, rotation)
        return h


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
        self.puzzle_emb: nn.Parameter | None = None
        if config.num_puzzles:
            self.puzzle_emb = nn.Parameter(torch.zeros(config.num_puzzles, config.puzzle_width))
        self.planner = None if config.shared else Recurrence(config, config.H_layers)
        self.executor = Recurrence(config, config.L_layers)
        self.head = Linear(width, config.vocab_size)
        # The model almost never halts at first; otherwise random Q-values would end episodes.
        self.q_head = Linear(width, 2, bias=True)
        nn.init.zeros_(self.q_head.weight)
        nn.init.constant_(self.q_head.bias, -5.0)  # type: ignore[arg-type]
        for name in ("z_H_0", "z_L_0"):
            start = torch.zeros(width)
            self.register_buffer(
                name, start if config.zero_start else truncated_normal_(start, 1.0)
            )

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
    ) -> Carry:
        """Return the carry at the start of an episode: z_H_0 and z_L_0 at every position.

        Args:
            batch: Number of rows B.
            device: Default: the device of the model.
            dtype: Default: the dtype of autocast if it is enabled, else float32.

        Returns:
            Two (B, prefix + seq_len, hidden) tensors. They are expanded; do not write to them.
        """
        place = self.z_H_0.device if device is None else torch.device(device)
        dtype = self._compute_dtype(place) if dtype is None else dtype
        shape = (batch, self.config.total_len, self.config.hidden_size)
        return Carry(
            self.z_H_0.to(place, dtype).expand(shape), self.z_L_0.to(place, dtype).expand(shape)
        )

    def reset_carry(self, carry: Carry, mask: Tensor) -> Carry:
        """Return the carry with those rows reset in which ``mask``, ``(B,)`` bool, is True."""
        rows = mask.view(-1, 1, 1)
        return Carry(
            torch.where(rows, self.z_H_0.to(carry.z_H.dtype), carry.z_H),
            torch.where(rows, self.z_L_0.to(carry.z_L.dtype), carry.z_L),
        )

    def segment(
        self, carry: Carry, tokens: Tensor, puzzle_ids: Tensor | None = None
    ) -> tuple[Carry, Output]:
        """Compute one segment.

        Args:
            carry: From :meth:`initial_carry`, :meth:`reset_carry` or the last segment.
            tokens: ``(B, seq_len)``, any integer dtype.
            puzzle_ids: ``(B,)``, any integer dtype; ignored by a model without puzzle embedding.

        Returns:
            The new carry, detached, and the :class:`Output`.

        Raises:
            ValueError: if the shape of ``tokens`` is wrong, or ``puzzle_ids`` are missing.
        """
        if tokens.ndim != 2 or tokens.shape[1] != self.config.seq_len:
            raise ValueError(
                f"tokens must have shape (batch, {self.config.seq_len}), got {tuple(tokens.shape)}."
            )
        rows = None
        if self.puzzle_emb is not None:
            if puzzle_ids is None:
                raise ValueError("puzzle_ids must be given: the model has a puzzle embedding.")
            # With a sparse gradient, the cost does not depend on the size of the table. The lookup
            # is not in forward(), since compiled code does not support sparse tensors.
            rows = F.embedding(puzzle_ids.long(), self.puzzle_emb, sparse=True)
        dtype = self._compute_dtype(tokens.device)
        return self(Carry(carry.z_H.to(dtype), carry.z_L.to(dtype)), tokens, rows)

    def forward(
        self, carry: Carry, tokens: Tensor, puzzle_rows: Tensor | None = None
    ) -> tuple[Carry, Output]:
        """Compute a segment in the dtype of the carry, given the rows of the puzzle embedding.

        Args:
            carry: The last carry.
            tokens: ``(B, seq_len)``, any integer dtype.
            puzzle_rows: ``(B, puzzle_emb_dim)``.
        """
        x = self._embed(tokens, puzzle_rows).to(carry.z_H.dtype)
        z_H, z_L = carry
        (H_cycles, L_cycles), grad = self.cycles, self.config.grad
        with torch.set_grad_enabled(torch.is_grad_enabled() and grad == "segment"):
            for _ in range(H_cycles - 1):
                z_H, z_L = self._cycle(z_H, z_L, x, L_cycles)
        if grad == "one_step":
            with torch.no_grad():
                z_L = self._execute(z_H, z_L, x, L_cycles - 1)
            L_cycles = 1
        z_H, z_L = self._cycle(z_H, z_L, x, L_cycles)
        q = self.q_head(z_H[:, 0]).float()
        logits = self.head(z_H[:, self.config.prefix_len :])
        q_continue = q[:, 1] if self.config.q_continue else None
        return Carry(z_H.detach(), z_L.detach()), Output(logits, q[:, 0], q_continue)

    def _compute_dtype(self, device: torch.device) -> torch.dtype:
        if torch.is_autocast_enabled(device.type):
            return torch.get_autocast_dtype(device.type)
        return self.token_emb.dtype

    def _embed(self, tokens: Tensor, puzzle_rows: Tensor | None) -> Tensor:
        """Return sqrt(hidden) * (puzzle embedding, registers, tokens), ``(B, length, hidden)``."""
        batch, width = len(tokens), self.config.hidden_size
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

    def _execute(self, z_H: Tensor, z_L: Tensor, x: Tensor, updates: int) -> Tensor:
        """Return z_L after this number of updates."""
        for _ in range(updates):
            z_L = self._recur(self.executor, z_L, z_H + x)
        return z_L

    def _cycle(self, z_H: Tensor, z_L: Tensor, x: Tensor, updates: int) -> tuple[Tensor, Tensor]:
        """Return (z_H, z_L) after an H cycle: updates of z_L, then one update of z_H."""
        z_L = self._execute(z_H, z_L, x, updates)
        return self._recur(self.planner or self.executor, z_H, z_L), z_L

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile one H cycle with ``torch.compile``, so that deep segments compile quickly."""
        self._execute = torch.compile(self._execute, *args, **kwargs)  # type: ignore[method-assign]
        self._cycle = torch.compile(self._cycle, *args, **kwargs)  # type: ignore[method-assign]

    def _recur(self, module: Recurrence, h: Tensor, injection: Tensor) -> Tensor:
        rotation = (self.cos, self.sin) if self.rotary else None
        if self.config.recompute_activations and torch.is_grad_enabled():
            return checkpoint(
                module, h, injection, rotation, use_reentrant=False, preserve_rng_state=False
            )
        return module(h, injection, rotation)

    @classmethod
    def from_reference(
        cls, state_dict: Mapping[str, Any], config: HRMConfig | Mapping[str, Any]
    ) -> HRM:
        """Build a model from published weights.

        Args:
            state_dict: Published name -> tensor or array of any float dtype; names may begin with
                ``_orig_mod.``, ``model.`` and ``inner.``. The weights are converted to float32.
            config: An :class:`HRMConfig`, or a mapping in the published names.

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
