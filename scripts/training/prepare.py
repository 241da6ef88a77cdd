"""Preparation of a training run: trainer, budget, folder and held-out puzzles."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_gym.scripts.cli import command
from hrm_gym.scripts.training.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hrm_gym.agents.hrm.train_config import TrainConfig
    from hrm_gym.agents.hrm.training.trainer import Trainer
    from hrm_gym.data import PuzzleSet


@dataclass
class TrainingRun:
    """Everything that a training run needs.

    Attributes:
        trainer: The new or resumed trainer.
        title: Name of the environment, followed by the task if it is not the environment's own.
        env_kwargs: Keyword arguments of the test environment.
        folder: Folder of checkpoints and curves.
        steps: Optimizer steps at which the run ends; ``None`` if only the time ends it.
        seconds: Training time after which the run ends; ``None`` if only the steps end it.
        validation: Held-out puzzles for tests during training, if there are any.
        tests: Held-out puzzles of the final test, if there is one.
        seen: Which of ``tests`` training also sees; they do not count.
    """

    trainer: Trainer
    title: str
    env_kwargs: dict[str, Any]
    folder: Path
    steps: int | None
    seconds: float | None
    validation: PuzzleSet | None = None
    tests: PuzzleSet | None = None
    seen: NDArray[np.bool_] | None = None


def prepare(options: Options) -> TrainingRun:
    """Return the run that the arguments describe, before anything is trained.

    Raises:
        ValueError: if an argument is wrong or does not fit the others.
    """
    import torch

    from hrm_gym.agents.hrm.training.held_out import held_out_kwargs, held_out_puzzles
    from hrm_gym.agents.hrm.training.run import validation_puzzles
    from hrm_gym.puzzles import get_task

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if options.stop_at is not None and options.eval_every is None:
        raise ValueError("stop_at: needs --eval-every, the steps between two tests")
    if options.eval_every is not None and options.eval_every < 1:
        raise ValueError(f"eval_every: expected at least 1, got {options.eval_every}")
    trainer = make_trainer(options)
    config = trainer.config
    validation = None
    if options.eval_every is not None:
        validation = validation_puzzles(config)
        validation = validation.take(~seen_puzzles(trainer, validation, "validation"))
    kwargs = held_out_kwargs(config)
    tests = seen = None
    if options.episodes:
        try:
            tests = held_out_puzzles(config, options.episodes)
        except ValueError as error:
            raise ValueError(f"{error}; or --episodes 0, which tests nothing") from None
        seen = seen_puzzles(trainer, tests, "test")
    title = config.env if config.task is None else f"{config.env}-{get_task(config.task_id).id}"
    folder = run_folder_of(options, trainer, title)
    steps, seconds = budget(options, trainer)
    return TrainingRun(trainer, title, kwargs, folder, steps, seconds, validation, tests, seen)


def make_trainer(options: Options) -> Trainer:
    """Return a new trainer, or the resumed one if its configuration matches the arguments.

    Raises:
        ValueError: if the arguments contradict each other, the configuration or the saved run.
    """
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.agents.hrm.exchange import checkpoint
    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.agents.hrm.training.trainer import Trainer

    changes: dict[str, Any] = {
        "limit": options.puzzles,
        "source": options.data,
        "batch_size": options.batch_size,
        "halting": options.halting,
        "targets": options.targets,
        "curriculum": options.curriculum or None,
        "task": options.task,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    preset = preset_name(options)
    if options.resume is not None:
        if options.init is not None:
            raise ValueError("init: expected either --init or --resume, got both")
        about, saved = checkpoint.read_run(options.resume)
        for name in ("seed", "bf16"):
            given = getattr(options, name)
            if given not in (None, about[name]):
                raise ValueError(f"{name}: this run has {about[name]}, got {given}")
        # A preset is a complete configuration, so all of it is compared with the saved one.
        config = with_changes(saved if preset is None else get_preset(preset), changes)
        try:
            return Trainer.resume(options.resume, config, options.device, options.compile)
        except ValueError as error:
            if options.data is None and str(error).startswith("source: "):
                raise ValueError(f"{error}; --data names the new place of moved puzzles") from None
            raise
    if preset is None:
        raise ValueError("preset: expected --preset, --env or --task, got none")
    config = with_changes(get_preset(preset), changes)
    # The files of a published checkpoint need not say for which task it is.
    init = None
    if options.init is not None:
        init = HRMAgent.from_pretrained(options.init, task=config.task_id)
    seed, bf16 = options.seed or 0, options.bf16
    trainer = Trainer(config, seed, options.device, bf16, options.compile, init)
    if init is not None and "command" in init.about:
        trainer.commands.append(init.about["command"])
    return trainer


def preset_name(options: Options) -> str | None:
    """Return the preset of the run, ``None`` if no argument names one.

    Raises:
        ValueError: if --preset and --env contradict each other.
    """
    from hrm_gym.agents.hrm.presets import get_preset, preset_for
    from hrm_gym.registration import answer_id

    if options.preset is not None and options.env is not None:
        expected = get_preset(options.preset).env
        if answer_id(options.env) != expected:
            raise ValueError(
                f"env: preset {options.preset} trains on {expected}, got {options.env!r}"
            )
    env = options.env or ("HRMAnswer-v0" if options.task else None)
    return options.preset or (preset_for(env) if env else None)


def with_changes(config: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """Return a changed configuration; its model has the Q-values that the halting rule needs.

    Raises:
        ValueError: if another task is asked for and the configuration lists its sources.
    """
    changes = dict(changes)
    if config.sources and "task" in changes:
        tasks = ", ".join(sorted({source.task for source in config.sources}))
        raise ValueError(
            f"task: this preset trains on several sources ({tasks}), so it takes no other task; "
            "expected a preset for one source"
        )
    names = ("source", "limit", "batch_size")
    puzzles = {name: changes.pop(name) for name in names if name in changes}
    model = dict(config.model)
    if "halting" in changes:
        model["q_continue"] = changes["halting"] in ("q", "td")
    return dataclasses.replace(config, model=model, **changes).with_puzzles(**puzzles)


def seen_puzzles(trainer: Trainer, puzzles: PuzzleSet, what: str) -> NDArray[np.bool_]:
    """Return which held-out puzzles training also sees, and print how many they are.

    Args:
        trainer: The trainer, whose environments hold the training puzzles.
        puzzles: Held-out puzzles.
        what: What they are called in messages.

    Raises:
        ValueError: if training sees all of them.
    """
    import numpy as np

    from hrm_gym.agents.hrm.training.held_out import may_overlap, seen_in_training
    from hrm_gym.puzzles import get_task

    config, task = trainer.config, get_task(trainer.config.task_id)
    seen, files = np.zeros(len(puzzles), bool), []
    for stream in trainer.streams:
        own = dataclasses.replace(config, sources=(), source=stream.source.source)
        if stream.task.base_id == task.base_id and may_overlap(own):
            seen |= seen_in_training(own, stream.envs.puzzles, puzzles)
            files.append(str(own.source))
    if not files:
        return seen
    count, among = int(seen.sum()), f"among the training puzzles of {', '.join(files)}"
    if seen.all():
        raise ValueError(f"data: every {what} puzzle is {among}; expected others to train on")
    if trainer.world.is_first and count:
        print(f"{count} of the {len(seen)} {what} puzzles are {among}, up to symmetry: left out")
    elif trainer.world.is_first:
        print(f"none of the {len(seen)} {what} puzzles is {among}")
    return seen


def run_folder_of(options: Options, trainer: Trainer, title: str) -> Path:
    """Return the folder of the run, and note the command that leads there.

    Raises:
        ValueError: if the folder contains another run.
    """
    from hrm_gym.agents.hrm.exchange import checkpoint
    from hrm_gym.tracking import check_free, run_folder

    folder = options.resume or run_folder(options.out, title, "hrm", trainer.seed)
    if options.resume is None and checkpoint.holds(folder, checkpoint.TRAINER):
        step = checkpoint.read_json(folder, checkpoint.TRAINER).get("step")
        raise ValueError(
            f"out: {folder} contains a run of {step} steps; resume it with --resume {folder}, or "
            "name another --out"
        )
    if options.resume is None:
        check_free(folder)
    # The commands are noted as if every run used the default folder, so that they can be repeated.
    default = run_folder(Path("runs"), title, "hrm", trainer.seed)
    repeated = options if options.resume is None else dataclasses.replace(options, resume=default)
    trainer.commands.append(command("train", repeated))
    return folder


def budget(options: Options, trainer: Trainer) -> tuple[int | None, float | None]:
    """Return the steps and the seconds at which the run ends."""
    if options.steps is not None or options.seconds is not None:
        return options.steps, options.seconds
    # A resumed run ends where it was meant to end.
    steps, seconds = trainer.budget["steps"], trainer.budget["seconds"]
    if steps is None and seconds is None:
        steps = trainer.config.steps
    return steps, seconds
