"""Checkpoints: a folder of safetensors and JSON. Nothing is ever unpickled.

``config.json`` and ``model.safetensors`` contain the agent; ``trainer.json`` and
``trainer.safetensors`` contain what else a run needs to be resumed. The files of a save appear
atomically.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from hrm_gym.data.hub import download
from hrm_gym.data.puzzle_set import PuzzleSet

from ..train_config import TrainConfig

FORMAT = 1
CONFIG, MODEL = "config.json", "model.safetensors"
TRAINER, STATE = "trainer.json", "trainer.safetensors"
SAVING, SAVED = ".saving", ".saved"
DOWNLOADED = (
    *("*.json", "*.yaml", "*.yml", "*.safetensors"),
    # Published checkpoints, from which tensors alone are read.
    *("checkpoint*", "step_*", "*.pt", "*.pth"),
)
"""The files of a repository that are downloaded."""

ContentT = TypeVar("ContentT")


def holds(folder: Path, name: str) -> bool:
    """Return whether a folder contains a file of a checkpoint."""
    return (folder / SAVED / name).exists() or (folder / name).exists()


def _read(folder: Path, name: str, read: Callable[[Path], ContentT]) -> ContentT:
    """Read a file from a save that has not been moved to its final place yet, or from there.

    Checking for the file before reading it would fail if a run moves it in between.
    """
    try:
        return read(folder / SAVED / name)
    except (FileNotFoundError, NotADirectoryError):
        return read(folder / name)


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def write_files(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Write files of a checkpoint atomically, even if the process is killed.

    The files are written into a temporary folder, which is renamed when it is complete. From then
    on readers use it; the files are then moved to their final places one by one.

    Args:
        folder: Created if necessary.
        files: Content by name: tensors for ``.safetensors``, JSON values for ``.json``.

    Raises:
        ValueError: if the disk is full or the folder cannot be written; old files stay intact.
    """
    saving = folder / SAVING
    try:
        # A killed process may have left an incomplete save here.
        shutil.rmtree(saving, ignore_errors=True)
        saving.mkdir(parents=True)
        _move_to_place(folder)
        for name, content in files.items():
            if name.endswith(".json"):
                (saving / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            else:
                tensors = {k: v.detach().cpu().contiguous() for k, v in content.items()}
                # As bytes, since save_file creates files that only their owner can read.
                (saving / name).write_bytes(save(tensors))
            # Windows can flush only a file that is open for writing.
            with (saving / name).open("r+b") as file:
                os.fsync(file.fileno())
        saving.rename(folder / SAVED)
        _move_to_place(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(saving, ignore_errors=True)
        raise ValueError(
            f"{folder}: the checkpoint could not be written ({error}); an older one is intact"
        ) from None


def _move_to_place(folder: Path) -> None:
    """Move the files of a complete save to their final places."""
    saved = folder / SAVED
    if saved.is_dir():
        for path in saved.iterdir():
            os.replace(path, folder / path.name)
        saved.rmdir()


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Read a JSON object of a checkpoint.

    Raises:
        ValueError: if the file is missing or does not contain a JSON object.
    """
    path = folder / name
    try:
        values = json.loads(_read(folder, name, _read_text))
    except OSError:
        raise ValueError(f"{path}: expected a checkpoint folder with {name}") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError(f"{path}: damaged, this is not JSON") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: damaged, expected a JSON object")
    return values


def read_tensors(folder: Path, name: str) -> dict[str, Tensor]:
    """Read safetensors of a checkpoint onto the CPU.

    Raises:
        ValueError: if the file is missing or damaged.
    """
    path = folder / name
    try:
        # Copies, since load_file maps the file into memory: writing to the file would change the
        # tensors, and truncating it would crash the process.
        return {key: value.clone() for key, value in _read(folder, name, load_file).items()}
    except FileNotFoundError:
        raise ValueError(f"{path}: expected this file of a checkpoint") from None
    except (SafetensorError, OSError, ValueError):
        raise ValueError(f"{path}: damaged or half-written, expected safetensors") from None


def save_agent(folder: Path, about: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Write ``model.safetensors`` and ``config.json``.

    Args:
        folder: Created if necessary.
        about: ``task``, ``model`` (the fields of ``HRMConfig``) and any further information.
        weights: The state dict.

    Raises:
        ValueError: if the folder cannot be written; older files stay intact.
    """
    write_files(folder, {MODEL: weights, CONFIG: {"format": FORMAT, **about}})


def fetch(name: str | Path) -> Path:
    """Return the folder of an agent; that of ``hub:owner/name`` is downloaded if needed.

    Raises:
        ValueError: if the extra ``hub`` is missing, or the repository cannot be downloaded.
    """
    if not str(name).startswith("hub:"):
        return Path(name)
    return download(str(name).removeprefix("hub:"), "model", DOWNLOADED)


def load_agent(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a folder that ``save_agent`` wrote.

    Raises:
        ValueError: if a file is missing, damaged or of another format.
    """
    about = read_json(folder, CONFIG)
    if about.get("format") != FORMAT or "task" not in about or "model" not in about:
        raise ValueError(f"{folder / CONFIG}: expected a checkpoint of format {FORMAT}")
    return about, read_tensors(folder, MODEL)


def note(folder: Path, about: Mapping[str, Any]) -> None:
    """Add information to ``config.json`` of an agent, such as the result of a test.

    Raises:
        ValueError: if the folder does not contain a checkpoint, or cannot be written.
    """
    write_files(folder, {CONFIG: {**read_json(folder, CONFIG), **about}})


def flatten_optimizer(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the state of an optimizer as named tensors."""
    return {
        f"{prefix}.{row}.{name}": torch.as_tensor(value)
        for row, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimizer(
    prefix: str, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Restore the state that ``flatten_optimizer`` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(prefix + "."):
            row, name = key[len(prefix) + 1 :].split(".")
            state.setdefault(int(row), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def read_run(folder: Path) -> tuple[dict[str, Any], TrainConfig]:
    """Return the content of ``trainer.json`` of a saved run, and the run's configuration.

    Raises:
        ValueError: if the file is missing or damaged.
    """
    about, path = read_json(folder, TRAINER), folder / TRAINER
    names = ("config", "seed", "bf16", "puzzles", "commands")
    missing = [name for name in names if name not in about]
    if missing:
        raise ValueError(f"{path}: damaged, it lacks {', '.join(missing)}")
    try:
        return about, TrainConfig.from_dict(about["config"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def check_same(folder: Path, saved: TrainConfig, given: TrainConfig) -> None:
    """Check that a run is resumed with the configuration that it was saved with.

    Every ``source`` may be another one, since the fingerprint of the puzzles tells whether these
    are the same.

    Args:
        folder: Folder of the saved run, for the message.
        saved: Configuration of the saved run.
        given: Expected configuration.

    Raises:
        ValueError: if they differ; the message lists the fields.
    """
    before, now = _without_places(saved), _without_places(given)
    differ = ", ".join(
        f"{name} ({before[name]!r} saved, {now[name]!r} now)"
        for name in before
        if before[name] != now[name]
    )
    if differ:
        raise ValueError(f"{folder}: this run has another configuration: {differ}")


def _without_places(config: TrainConfig) -> dict[str, Any]:
    """Return a configuration as JSON values, without the places of its puzzles."""
    values = config.to_dict()
    del values["source"]
    for source in values["sources"]:
        del source["source"]
    return values


def fingerprint(*sets: PuzzleSet) -> str:
    """Return a SHA-256 of the arrays of puzzle sets that training uses."""
    digest = hashlib.sha256()
    for puzzles in sets:
        for array in (puzzles.inputs, puzzles.labels, puzzles.puzzle_ids):
            digest.update(str(array.shape).encode())
            digest.update(array.ravel().data)
    return digest.hexdigest()
