"""When a model halts: the one rule that every part of the project follows.

Training, agents in PyTorch and in ONNX Runtime, and recorded traces call these functions, which
work on NumPy arrays and on tensors alike. ``web/src/halting.js`` mirrors them for the browser, and
``tests/web/test_halting.py`` compares the two.
"""

from __future__ import annotations

from typing import Any


def wants_to_halt(q_halt: Any, q_continue: Any = None, repeats: Any = True) -> Any:
    """Return where a model halts by itself.

    With two Q-values it halts where q_halt > q_continue (HRM, arXiv 2506.21734), with one where
    q_halt > 0 (TRM, arXiv 2510.04871). A steady agent also waits until it repeats its answer.

    Args:
        q_halt: Logits of the value of halting, an array or tensor of any shape.
        q_continue: The same for continuing; ``None`` for a model without it.
        repeats: For a steady agent, where the answer repeats the one before, see
            ``repeats_answer``; ``True`` for any other.

    Returns:
        Booleans in the shape of ``q_halt``.
    """
    return (q_halt > (0 if q_continue is None else q_continue)) & repeats


def repeats_answer(answer: Any, before: Any) -> Any:
    """Return where an answer ``(..., seq_len)`` equals that of the segment before, ``(...)``.

    Args:
        answer: Tokens, an array or a tensor.
        before: Tokens of the segment before; ``None`` at the first segment, which repeats nothing.
    """
    return False if before is None else (answer == before).all(-1)
