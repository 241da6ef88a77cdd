"""How a run computes: compiled or not, in bfloat16 or float32."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..model.config import HRMConfig
from ..model.network import HRM

if TYPE_CHECKING:
    from .environments import Stream

SLOWER = 1.5
"""From this ratio of times on, bfloat16 counts as emulated. Timings of a busy CPU vary."""


def compiler_problem() -> str | None:
    """Return why ``torch.compile`` cannot be used on this CPU, None if it can."""
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except (exc.InvalidCxxCompiler, OSError, RuntimeError) as error:
        return f"no C++ compiler was found ({type(error).__name__})"
    return None


def chosen_compile(asked: bool | None, model: HRM, device: torch.device) -> bool:
    """Return whether a run compiles its model.

    By default a model with ``mixer="relations"`` is compiled on a CPU too: half of its time is
    spent in small operations that a compiler fuses. Without a compiler a warning says so.
    """
    if device.type != "cpu":
        return device.type == "cuda" if asked is None else asked
    wanted = model.relational if asked is None else asked
    problem = compiler_problem() if wanted else None
    if problem is not None:
        warnings.warn(
            f"compile: {problem}, so the model runs uncompiled, at about half the speed; install "
            "g++ or clang++, or set CXX",
            stacklevel=2,
        )
        return False
    return wanted


def chosen_bf16(asked: bool | None, model: HRM, stream: Stream, device: torch.device) -> bool:
    """Return whether a run computes in bfloat16.

    By default it does on CUDA, and for a model with ``mixer="relations"`` on a CPU whose matrix
    products are faster in bfloat16, which is measured: many CPUs only emulate it. Where bfloat16 is
    asked for on such a CPU, a warning says how much slower it is.
    """
    if device.type != "cpu":
        return device.type == "cuda" if asked is None else asked
    if asked is False or (asked is None and not model.relational):
        return False
    ratio = bf16_ratio(model.config, stream.count * stream.task.seq_len)
    if asked and ratio > SLOWER:
        warnings.warn(
            f"bf16: the matrix products of this model take this CPU {ratio:.1f} times as "
            "long in bfloat16 as in float32; without --bf16 the run chooses the faster one",
            stacklevel=2,
        )
    return asked or ratio < 1


def bf16_ratio(config: HRMConfig, rows: int) -> float:
    """Return the time of a block's largest matrix product in bfloat16, relative to float32.

    Args:
        config: Configuration of the model.
        rows: Number of states in a batch.
    """
    width = config.hidden_size
    size = rows, width, config.inner(width)
    return product_seconds(*size, torch.bfloat16) / product_seconds(*size, torch.float32)


def product_seconds(rows: int, width: int, inner: int, dtype: torch.dtype) -> float:
    """Return the seconds of a matrix product of the size of a block's largest one."""
    states, weight = torch.ones(rows, width, dtype=dtype), torch.ones(width, 2 * inner, dtype=dtype)

    def once() -> float:
        started = time.perf_counter()
        for _ in range(3):
            product: Tensor = states @ weight
        del product
        return time.perf_counter() - started

    return min(once() for _ in range(5))
