"""Devices of tensors by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def check_device(device: str | torch.device | None) -> torch.device:
    """Return an available torch device; ``None`` is the CPU.

    Raises:
        ValueError: if the device is unknown or not available.
    """
    import torch

    try:
        found = torch.device(device or "cpu")
    except RuntimeError:
        raise ValueError(f"device: expected cpu, cuda or cuda:N, got {device!r}") from None
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device: {str(device)!r} is not available; this machine has "
            f"{torch.cuda.device_count()} CUDA devices"
        )
    if found.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device: 'mps' is not available; this machine has no Metal device")
    if found.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device: expected cpu, cuda or cuda:N, got {str(device)!r}")
    return found
