"""Checkpoints: a folder of safetensors and JSON. Nothing is ever unpickled.

``config.json`` and ``model.safetensors`` are the agent; ``trainer.json`` and
``trainer.safetensors`` are what a run needs beside it to go on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

FORMAT = 1
CONFIG, MODEL = "config.json", "model.safetensors"
TRAINER, STATE = "trainer.json", "trainer.safetensors"


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON under another name first, so that nothing half-written stays."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(values, indent=1) + "\n")
    os.replace(partial, path)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write safetensors under another name first, so that nothing half-written stays."""
    partial = path.with_name(path.name + ".partial")
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, partial)
    os.replace(partial, path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: The file is missing, or is no JSON object.
    """
    try:
        values = json.loads(path.read_text())
    except OSError:
        raise ValueError(f"{path}: expected a checkpoint folder with {path.name}") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError(f"{path}: damaged, this is not JSON") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: damaged, expected a JSON object")
    return values


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read safetensors onto the CPU.

    Raises:
        ValueError: The file is missing or damaged.
    """
    if not path.is_file():
        raise ValueError(f"{path}: expected this file of a checkpoint")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError):
        raise ValueError(f"{path}: damaged or half-written, expected safetensors") from None


def save_agent(folder: Path, about: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Write ``model.safetensors``, then ``config.json``.

    Args:
        folder: Created if need be.
        about: ``task``, ``model`` (the fields of ``HRMConfig``) and whatever else is worth saying.
        weights: The state dict.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / MODEL, weights)
    write_json(folder / CONFIG, {"format": FORMAT, **about})


def load_agent(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what ``save_agent`` wrote.

    Raises:
        ValueError: A file is missing, damaged or of another format.
    """
    about = read_json(folder / CONFIG)
    if about.get("format") != FORMAT or "task" not in about or "model" not in about:
        raise ValueError(f"{folder / CONFIG}: expected a checkpoint of format {FORMAT}")
    return about, read_tensors(folder / MODEL)


def note(folder: Path, about: Mapping[str, Any]) -> None:
    """Add to what ``config.json`` of an agent says, such as what a test found.

    Raises:
        ValueError: There is no checkpoint in the folder.
    """
    write_json(folder / CONFIG, {**read_json(folder / CONFIG), **about})


def flatten_optimizer(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's state as named tensors."""
    return {
        f"{prefix}.{row}.{name}": torch.as_tensor(value)
        for row, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimizer(
    prefix: str, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Put back the state that ``flatten_optimizer`` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(prefix + "."):
            row, name = key[len(prefix) + 1 :].split(".")
            state.setdefault(int(row), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
