"""Floating-point operations of a model: matrix products only, two for each multiply-add."""

from __future__ import annotations

from .config import HRMConfig


def recurrence_flops(config: HRMConfig) -> tuple[float, float]:
    """Return the FLOPs of one executor update and of one planner update, for one puzzle.

    Raises:
        ValueError: if the operations of the mixer are not counted.
    """
    length, width = config.total_len, config.hidden_size
    inner = config.inner(width)
    channel = 3 * 2 * width * inner * length
    if config.mixer == "relations":
        # As if every relation were one of neighbours: the means of groups cost less.
        equivariant = config.symbols == "equivariant"
        symbols = config.vocab_size - config.fixed_tokens if equivariant else 1
        channel *= symbols
        parts = 3 + len(config.relations) + equivariant
        mixing = parts * 2 * width * width * length * symbols
    elif config.mixer == "attention":
        mixing = 4 * 2 * width * width * length + 4 * width * length * length
    elif config.mixer == "mlp":
        mixing = 3 * 2 * length * config.inner(length) * width
    else:
        raise ValueError(f"mixer: the operations of {config.mixer!r} are not counted")
    executor = config.L_layers * (channel + mixing)
    return executor, executor if config.shared else config.H_layers * (channel + mixing)


def segment_flops(config: HRMConfig) -> float:
    """Return the FLOPs of one segment for one puzzle."""
    executor, planner = recurrence_flops(config)
    return config.H_cycles * (config.L_cycles * executor + planner)


def training_flops(config: HRMConfig, rows: int, looks_ahead: bool) -> float:
    """Return the FLOPs of a training step; a backward pass counts as two forward passes.

    Args:
        config: Configuration of the model.
        rows: Number of puzzles.
        looks_ahead: Whether the step has a second forward pass, for Q-targets.
    """
    executor, planner = recurrence_flops(config)
    forward = segment_flops(config)
    learned = {
        "one_step": executor + planner,
        "last_cycle": config.L_cycles * executor + planner,
        "segment": forward,
    }[config.grad]
    return rows * (forward * (2 if looks_ahead else 1) + 2 * learned)
