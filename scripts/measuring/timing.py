"""The clock of the benchmarks: one call, many calls, a training step, and a matrix product."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

Result = TypeVar("Result")


def timed(call: Callable[[], Result]) -> tuple[Result, float]:
    """Return the result of one call and its duration in seconds."""
    begun = timeit.default_timer()
    result = call()
    return result, timeit.default_timer() - begun


def seconds_per_call(
    call: Callable[[], Any],
    seconds: float,
    least: int = 1,
    before: Callable[[], Any] | None = None,
) -> float:
    """Return the mean duration of a call in seconds.

    The first call is not counted, since it may compile code or load a kernel. Unlike
    ``timeit.timeit``, the garbage collector stays on, as it does in use.

    Args:
        call: The measured function.
        seconds: Time to spend in counted calls.
        least: Minimum number of counted calls.
        before: Called before every call; its time is not counted.
    """
    if before is not None:
        before()
    call()
    spent, calls = 0.0, 0
    while calls < least or spent < seconds:
        if before is not None:
            before()
        spent += timed(call)[1]
        calls += 1
    return spent / calls


def calls_per_second(call: Callable[[], Any], seconds: float) -> float:
    """Return how many calls fit into one second; see ``seconds_per_call``."""
    return 1 / seconds_per_call(call, seconds)


def matrix_rate(device: str, dtype: torch.dtype, seconds: float = 1.0) -> float:
    """Return the measured rate of a large square matrix product, in FLOP/s."""
    import torch
    from torch.utils import benchmark

    size = 8192 if device.startswith("cuda") else 1024
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.randn(size, size, device=device).to(dtype)
    names = {"a": a, "b": b}
    timer = benchmark.Timer("a @ b", globals=names, num_threads=torch.get_num_threads())
    return 2 * size**3 / timer.blocked_autorange(min_run_time=seconds).mean


def finish(step: Callable[[float], Any], progress: float, device: str) -> Any:
    """Take a training step, wait until the device has finished it, and return its result."""
    result = step(progress)
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()
    return result
