"""Reading checkpoints of the public HRM and TRM code, without running any code from them.

Such a folder contains ``all_config.yaml`` and a ``torch.save`` file of a state dict, which is named
``checkpoint`` on the Hugging Face Hub and ``step_N`` after a run. The configuration has neither the
size of the vocabulary nor the length of a puzzle, which the public code takes from the data. Here
the vocabulary comes from the weights and the length from the task. The names of the data folders
identify the task, unless the caller does.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hrm_gym.puzzles import get_task
from hrm_gym.registration import answer_id_of

from ..model.network import HRM
from ..model.reference import bare_name
from ..presets import PUBLISHED_TASKS
from .checkpoint import CONFIG, read_tensors

CONFIGS = ("all_config.yaml", "all_config.yml", "all_config.json")
SUFFIXES = (".pt", ".pth", ".bin", ".safetensors")


def is_published(path: Path) -> bool:
    """Return whether a folder, or a file in one, is a published checkpoint."""
    folder = path.parent if path.is_file() else path
    return not (folder / CONFIG).is_file() and any((folder / n).is_file() for n in CONFIGS)


def find_weights(folder: Path) -> Path:
    """Return the file of weights: ``checkpoint``, else the last ``step_N``, else the only one.

    Raises:
        ValueError: if there is no file of weights, or more than one and none has these names.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for path in files:
        if path.stem == "checkpoint":
            return path
    steps = {int(m[1]): p for p in files if (m := re.fullmatch(r"step_(\d+)(\.\w+)?", p.name))}
    if steps:
        return steps[max(steps)]
    loose = [path for path in files if path.suffix in SUFFIXES]
    if len(loose) != 1:
        found = ", ".join(path.name for path in loose) or "none"
        raise ValueError(f"{folder}: expected one file of weights, found {found}")
    return loose[0]


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from safetensors, or from a ``torch.save`` file that contains only tensors.

    Raises:
        ValueError: if the file is missing or damaged, contains anything else, or would run code.
    """
    if path.suffix == ".safetensors":
        return read_tensors(path.parent, path.name)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if re.search(r"Unsupported (global|class)|GLOBAL|reduce", str(error)):
            raise ValueError(
                f"{path}: refused, since loading it would run code; expected tensors alone"
            ) from None
        raise ValueError(f"{path}: damaged or half-written, expected tensors") from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError):
        raise ValueError(f"{path}: missing, damaged or half-written, expected tensors") from None
    if isinstance(found, Mapping) and isinstance(found.get("model"), Mapping):
        # Later versions of the code save the state of the optimizers in the same file.
        found = found["model"]
    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    ):
        raise ValueError(f"{path}: expected a state dict of tensors")
    return dict(found)


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of a published run, YAML or JSON.

    Raises:
        ValueError: if the file is missing or damaged, or PyYAML is not installed.
    """
    path = next((folder / name for name in CONFIGS if (folder / name).is_file()), None)
    if path is None:
        raise ValueError(f"{folder}: expected a checkpoint with {' or '.join(CONFIGS)}")
    try:
        if path.suffix == ".json":
            values = json.loads(path.read_text(encoding="utf-8"))
        else:
            import yaml

            values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except ImportError:
        raise ValueError(f"{path} needs PyYAML: pip install pyyaml") from None
    except Exception:
        # The base class of PyYAML's errors is only known if PyYAML is installed.
        raise ValueError(f"{path}: damaged, expected a configuration in YAML or JSON") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: damaged, expected a configuration in YAML or JSON")
    return values


def guess_task(config: Mapping[str, Any], vocab_size: int) -> str:
    """Return the published task that a configuration is for.

    The names of the data folders and of the project decide, or else the size of the vocabulary.

    Args:
        config: The published configuration.
        vocab_size: Number of tokens of the model.

    Raises:
        ValueError: if they do not identify one task.
    """
    paths = config.get("data_paths") or [config.get("data_path") or ""]
    text = " ".join([*map(str, paths), str(config.get("project_name", ""))]).lower()
    named = [task for family, task in PUBLISHED_TASKS.items() if family in text]
    possible = named or PUBLISHED_TASKS.values()
    fitting = [task for task in possible if get_task(task).vocab_size == vocab_size]
    if len(fitting) != 1:
        raise ValueError(
            f"task: the checkpoint does not say which ({vocab_size} tokens); expected one of "
            f"{', '.join(sorted(PUBLISHED_TASKS.values()))}"
        )
    return fitting[0]


def load_published(path: Path, task_id: str | None = None) -> tuple[HRM, dict[str, Any]]:
    """Build a model from a published checkpoint.

    Args:
        path: The folder of the checkpoint, or one file of weights in it.
        task_id: Task of the checkpoint, if its files do not identify it.

    Returns:
        The model, and the content of ``config.json`` of this package: task, environment and so on.

    Raises:
        ValueError: if a file is missing or damaged or would run code, or the weights, the
            configuration and the task do not fit together.
    """
    folder = path.parent if path.is_file() else path
    config = read_config(folder)
    weights = read_weights(path if path.is_file() else find_weights(folder))
    arch = dict(config.get("arch", config))
    shapes = {bare_name(name): tuple(value.shape) for name, value in weights.items()}
    tokens = shapes.get("embed_tokens.embedding_weight")
    if tokens is None:
        raise ValueError(f"{path}: expected weights of a published HRM or TRM, found others")
    name = task_id or guess_task(config, tokens[0])
    task = get_task(name)
    if tokens[0] != task.vocab_size:
        raise ValueError(
            f"{path}: the model has {tokens[0]} tokens, {task.id} needs {task.vocab_size}"
        )
    arch |= {"vocab_size": task.vocab_size, "seq_len": task.seq_len}
    arch["num_puzzle_identifiers"] = shapes.get("puzzle_emb.weights", (0,))[0]
    try:
        model = HRM.from_reference(weights, arch)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    about = {
        "task": name,
        "env": answer_id_of(name),
        "max_segments": int(arch.get("halt_max_steps", 16)),
        "published": {key: value for key, value in config.items() if key != "arch"},
    }
    return model, about
