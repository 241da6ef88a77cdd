"""A description of the machine that a result was measured on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def machine() -> dict[str, Any]:
    """Describe the machine for a result file, without names of hosts, users or folders."""
    description: dict[str, Any] = {
        "cpu": _cpu_model(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    # torch is described only if the program has already loaded it, since loading it is slow.
    torch = sys.modules.get("torch")
    if torch is not None:
        description["torch"] = str(torch.__version__)
        description["torch_threads"] = torch.get_num_threads()
        if torch.cuda.is_available():
            description["gpu"] = torch.cuda.get_device_name()
    return description


def machine_text(description: Mapping[str, Any]) -> str:
    """Return a description of a machine, or a part of it, as one line of text."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in description.items())


def cores() -> int:
    """Return the number of cores this process may use; the machine may have more."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    """Return the processor's name; ``platform.processor`` does not know it on Linux."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
