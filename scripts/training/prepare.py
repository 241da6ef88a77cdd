"""What a training run consists of: trainer, budget, folder and held-out puzzles."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_gym.scripts.cli import command

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hrm_gym.agents.hrm.train_config import TrainConfig
    from hrm_gym.agents.hrm.training.trainer import Trainer
    from hrm_gym.data import PuzzleSet
    from hrm_gym.scripts.train import Args


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


def prepare(args: Args) -> TrainingRun:
    """Return the run that the arguments describe, before anything is trained.

    Raises:
        ValueError: if an argument is wrong or does not fit the others.
    """
    import torch

    from hrm_gym.agents.hrm.training.run import validation_puzzles
    from hrm_gym.puzzles import get_task

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if args.stop_at is not None and args.eval_every is None:
        raise ValueError("stop_at: needs --eval-every, the steps between two tests")
    if args.eval_every is not None and args.eval_every < 1:
        raise ValueError(f"eval_every: expected at least 1, got {args.eval_every}")
    trainer = make_trainer(args)
    config = trainer.config
    validation = None
    if args.eval_every is not None:
        validation = validation_puzzles(config)
        validation = validation.take(~seen_in_training(trainer, validation, "validation"))
    kwargs = arguments_of_test(config)
    tests = seen = None
    if args.episodes:
        tests = held_out_puzzles(config.env, kwargs, args.episodes)
        seen = seen_in_training(trainer, tests, "test")
    title = config.env if config.task is None else f"{config.env}-{get_task(config.task_id).id}"
    folder = run_folder_of(args, trainer, title)
    steps, seconds = budget(args, trainer)
    return TrainingRun(trainer, title, kwargs, folder, steps, seconds, validation, tests, seen)


def make_trainer(args: Args) -> Trainer:
    """Return a new trainer, or the resumed one if its configuration matches the arguments."""
    from hrm_gym.agents.hrm.exchange import checkpoint
    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.agents.hrm.training.trainer import Trainer

    changes: dict[str, Any] = {
        "limit": args.puzzles,
        "source": args.data,
        "batch_size": args.batch_size,
        "halting": args.halting,
        "targets": args.targets,
        "curriculum": args.curriculum or None,
        "task": args.task,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    preset = preset_name(args)
    if args.resume is not None:
        about, saved = checkpoint.read_run(args.resume)
        for name in ("seed", "bf16"):
            given = getattr(args, name)
            if given not in (None, about[name]):
                raise ValueError(f"{name}: this run has {about[name]}, got {given}")
        # A preset is a complete configuration, so all of it is compared with the saved one.
        config = with_changes(saved if preset is None else get_preset(preset), changes)
        return Trainer.resume(args.resume, config, args.device, args.compile)
    if preset is None:
        raise ValueError("preset: expected --preset, --env or --task, got none")
    config = with_changes(get_preset(preset), changes)
    return Trainer(config, args.seed or 0, args.device, args.bf16, args.compile)


def preset_name(args: Args) -> str | None:
    """Return the preset of the run, ``None`` if no argument names one.

    Raises:
        ValueError: if --preset and --env contradict each other.
    """
    from hrm_gym.agents.hrm.presets import get_preset, preset_for
    from hrm_gym.registration import answer_id

    if args.preset is not None and args.env is not None:
        expected = get_preset(args.preset).env
        if answer_id(args.env) != expected:
            raise ValueError(f"env: preset {args.preset} trains on {expected}, got {args.env!r}")
    env = args.env or ("HRMAnswer-v0" if args.task else None)
    return args.preset or (preset_for(env) if env else None)


def with_changes(config: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """Return a changed configuration; its model has the Q-values that the halting rule needs."""
    model = dict(config.model)
    if "halting" in changes:
        model["q_continue"] = changes["halting"] in ("q", "td")
    return dataclasses.replace(config, model=model, **changes)


def arguments_of_test(config: TrainConfig) -> dict[str, Any]:
    """Return the keyword arguments of the environment in which the agent is tested."""
    from hrm_gym.puzzles import get_task

    kwargs: dict[str, Any] = {} if config.task is None else {"task": config.task}
    generated = config.source is not None and config.source.partition(":")[0] == "generator"
    if get_task(config.task_id).learns_groups or generated:
        # The generator also makes puzzles of sizes that are not in the bank.
        kwargs["source"] = config.source
    return kwargs


def held_out_puzzles(env_id: str, kwargs: Mapping[str, Any], count: int) -> PuzzleSet:
    """Return the first held-out puzzles of an environment.

    Raises:
        ValueError: if there are none.
    """
    from hrm_gym.evaluation import make_env

    try:
        env = make_env(env_id, split="test", **kwargs)
    except ValueError as error:
        raise ValueError(f"{error}; or --episodes 0, which tests nothing") from None
    return env.unwrapped.puzzles.take(slice(count))  # type: ignore[attr-defined]


def seen_in_training(trainer: Trainer, tests: PuzzleSet, what: str) -> NDArray[np.bool_]:
    """Return which held-out puzzles training also sees, and print how many they are.

    The splits of a task never overlap, but a file or folder may contain any puzzle. Where a task
    learns groups, test puzzles belong to the groups that are trained on.

    Args:
        trainer: The trainer, whose environments hold the training puzzles.
        tests: Held-out puzzles.
        what: What they are called in the sentence.

    Raises:
        ValueError: if training sees all of them.
    """
    import numpy as np

    from hrm_gym.data.overlap import overlap
    from hrm_gym.puzzles import get_task

    source, task = trainer.config.source, get_task(trainer.config.task_id)
    if source is None or not Path(source).exists() or task.learns_groups:
        return np.zeros(len(tests), bool)
    seen = overlap(task, trainer.envs.puzzles, tests)
    count, among = int(seen.sum()), f"among the training puzzles of {source}"
    if seen.all():
        raise ValueError(f"data: every {what} puzzle is {among}; expected others to train on")
    if trainer.world.is_first and count:
        print(f"{count} of the {len(tests)} {what} puzzles are {among}, up to symmetry: left out")
    elif trainer.world.is_first:
        print(f"none of the {len(tests)} {what} puzzles is {among}")
    return seen


def run_folder_of(args: Args, trainer: Trainer, title: str) -> Path:
    """Return the folder of the run, and note the command that leads there.

    Raises:
        ValueError: if the folder holds another run.
    """
    from hrm_gym.agents.hrm.exchange import checkpoint
    from hrm_gym.tracking import run_folder

    folder = args.resume or run_folder(args.out, title, "hrm", trainer.seed)
    if args.resume is None and checkpoint.holds(folder, checkpoint.TRAINER):
        step = checkpoint.read_json(folder, checkpoint.TRAINER).get("step")
        raise ValueError(
            f"out: {folder} holds a run of {step} steps; resume it with --resume {folder}, or name "
            "another --out"
        )
    # The commands are noted as if every run used the default folder, so that they can be repeated.
    default = run_folder(Path("runs"), title, "hrm", trainer.seed)
    repeated = args if args.resume is None else dataclasses.replace(args, resume=default)
    trainer.commands.append(command("train", repeated))
    return folder


def budget(args: Args, trainer: Trainer) -> tuple[int | None, float | None]:
    """Return the steps and the seconds at which the run ends."""
    if args.steps is not None or args.seconds is not None:
        return args.steps, args.seconds
    # A resumed run ends where it was meant to end.
    steps, seconds = trainer.budget["steps"], trainer.budget["seconds"]
    if steps is None and seconds is None:
        steps = trainer.config.steps
    return steps, seconds
