"""Checkpoints: a folder of safetensors and JSON. Nothing is ever unpickled.

``config.json`` and ``model.safetensors`` are the agent; ``trainer.json`` and
``trainer.safetensors`` are what a run needs beside it to go on. The files of one save belong
together, and appear together.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

FORMAT = 1
CONFIG, MODEL = "config.json", "model.safetensors"
TRAINER, STATE = "trainer.json", "trainer.safetensors"


SAVING, SAVED = ".saving", ".saved"


def locate(folder: Path, name: str) -> Path:
    """Return where a file of a checkpoint is: in a save not moved to its place yet, or here."""
    saved = folder / SAVED / name
    return saved if saved.exists() else folder / name


def write_files(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Write files of a checkpoint, all or none, whenever the process is killed.

    They are written into a folder of their own, which is renamed when it is whole: from then on
    readers take them from there, and only then do they move to their places, one by one.

    Args:
        folder: Created if need be.
        files: Content by name: tensors for ``.safetensors``, JSON values for ``.json``.

    Raises:
        ValueError: The disk is full or the folder cannot be written; the old files are intact.
    """
    saving = folder / SAVING
    try:
        # A killed save leaves half a file here, which this one may not write anew.
        shutil.rmtree(saving, ignore_errors=True)
        saving.mkdir(parents=True)
        _settle(folder)
        for name, content in files.items():
            if name.endswith(".json"):
                (saving / name).write_text(json.dumps(content, indent=1) + "\n")
            else:
                tensors = {k: v.detach().cpu().contiguous() for k, v in content.items()}
                # As bytes, since save_file makes files that their owner alone can read.
                (saving / name).write_bytes(save(tensors))
            with (saving / name).open("rb") as file:
                os.fsync(file.fileno())
        saving.rename(folder / SAVED)
        _settle(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(saving, ignore_errors=True)
        raise ValueError(
            f"{folder}: the checkpoint could not be written ({error}); an older one is intact"
        ) from None


def _settle(folder: Path) -> None:
    """Move the files of a finished save to their places."""
    saved = folder / SAVED
    if saved.is_dir():
        for path in saved.iterdir():
            os.replace(path, folder / path.name)
        saved.rmdir()


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
    """Write ``model.safetensors`` and ``config.json``.

    Args:
        folder: Created if need be.
        about: ``task``, ``model`` (the fields of ``HRMConfig``) and whatever else is worth saying.
        weights: The state dict.
    """
    write_files(folder, {MODEL: weights, CONFIG: {"format": FORMAT, **about}})


def load_agent(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what ``save_agent`` wrote.

    Raises:
        ValueError: A file is missing, damaged or of another format.
    """
    about = read_json(locate(folder, CONFIG))
    if about.get("format") != FORMAT or "task" not in about or "model" not in about:
        raise ValueError(f"{folder / CONFIG}: expected a checkpoint of format {FORMAT}")
    return about, read_tensors(locate(folder, MODEL))


def note(folder: Path, about: Mapping[str, Any]) -> None:
    """Add to what ``config.json`` of an agent says, such as what a test found.

    Raises:
        ValueError: There is no checkpoint in the folder.
    """
    write_files(folder, {CONFIG: {**read_json(locate(folder, CONFIG)), **about}})


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
