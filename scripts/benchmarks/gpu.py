"""A quarter of an hour on a GPU: five stages, each in a process of its own with a time limit.

The stages are the tests that need a GPU, the training throughput, a training run of a relational
model on Sudoku-Extreme, the same model with restarts, and a training run on large mazes. Every
stage leaves its rows (``rows.json``), its output (``cell.log``) and its weights in a folder of
``--out`` before the next one begins. A stage that fails or exceeds its time does not stop the next
ones. If the same command is started again, it skips the stages that have finished, and a training
run continues from its last checkpoint.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from hrm_gym.scripts.experiments.stages import Rows, Stage, run_stages

if TYPE_CHECKING:
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.agents.hrm.train_config import TrainConfig

ROOT = Path(__file__).resolve().parents[2]
"""The checkout of the repository, if the package is not installed elsewhere."""
REHEARSAL_LIMIT = 900.0
"""Time limit of every stage of a rehearsal, whose times say nothing."""
SAVE_EVERY, LOG_EVERY = 30.0, 10.0
"""Seconds between two checkpoints and between two lines of the log."""
AGENT = "agent"
"""Folder of the weights, in the folder of a stage."""
MOST_ROWS = 1000
"""Largest number of test rows of Sudoku-Extreme; the whole test set has 422,786."""
RESTARTS = 32
WEIGHTS_MB = 16.0


@dataclass(frozen=True)
class GpuStage(Stage):
    """One stage.

    Attributes:
        sudoku: Folder of Sudoku-Extreme.
        maze: Folder of Maze-Hard.
        rehearse: Whether sizes are tiny.
    """

    sudoku: str
    maze: str
    rehearse: bool

    most: ClassVar[float]
    """Time limit on a GPU, in seconds, the start of the process included."""

    @property
    def bf16(self) -> bool:
        """Whether agents compute in bfloat16."""
        return self.device.startswith("cuda")

    def train(
        self, folder: Path, preset: str, data: str, seconds: float, init: str | None = None
    ) -> Rows:
        """Train a preset, or resume a run that was interrupted, and return its rows.

        Args:
            folder: Folder of the checkpoints.
            preset: Name of the preset.
            data: Training puzzles of the environment's own task.
            seconds: Training time, compilation included. A rehearsal takes a few steps instead.
            init: Agent with whose weights the run starts.
        """
        from hrm_gym.agents.hrm import HRMAgent
        from hrm_gym.agents.hrm.exchange import checkpoint
        from hrm_gym.agents.hrm.presets import get_preset
        from hrm_gym.agents.hrm.training.run import Callbacks, run
        from hrm_gym.agents.hrm.training.trainer import Trainer
        from hrm_gym.scripts.cli import command
        from hrm_gym.scripts.training.options import Options

        config = get_preset(preset).with_puzzles(source=data)
        compile: bool | None = None
        if self.rehearse:
            config, compile = tiny(config, resize=init is None), False
        if checkpoint.holds(folder, checkpoint.TRAINER):
            trainer = Trainer.resume(folder, config, self.device, compile)
        else:
            start = None if init is None else HRMAgent.from_pretrained(init)
            trainer = Trainer(config, 0, self.device, compile=compile, init=start)
            options = Options(
                preset=preset, data=data, seconds=seconds, device=self.device, init=init
            )
            trainer.commands = [command("train", options)]

        def log(trainer: Trainer, metrics: dict[str, float]) -> None:
            figures = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
            print(f"{trainer.seconds:.0f} s, step {trainer.step}: {figures}", flush=True)

        callbacks = Callbacks(folder, SAVE_EVERY, LOG_EVERY, log)
        steps = 2 * len(trainer.turns) if self.rehearse else None
        if run(trainer, steps, None if self.rehearse else seconds, callbacks) == "stopped":
            raise KeyboardInterrupt
        size = (folder / checkpoint.MODEL).stat().st_size / 1e6
        return [
            {"name": "steps", "value": trainer.step, "unit": "steps"},
            {"name": "training time", "value": trainer.seconds, "unit": "s"},
            {"name": "weights", "value": size, "unit": "MB", "target": WEIGHTS_MB, "at_most": True},
        ]

    def agent(self, folder: Path) -> HRMAgent:
        """Return the agent of a checkpoint folder, or a pretrained one by its name."""
        from hrm_gym.agents.hrm import HRMAgent

        return HRMAgent.from_pretrained(folder, self.device, self.bf16)

    def few(self, count: int) -> int:
        """Return a number of puzzles, which is small in a rehearsal."""
        return 2 if self.rehearse else count


def tiny(config: TrainConfig, resize: bool) -> TrainConfig:
    """Return a configuration for a rehearsal.

    A step has one or two puzzles, few are generated, and the agent thinks for two segments.

    Args:
        config: The configuration.
        resize: Also take a narrow model.
    """

    def fewer(source: str | None) -> str | None:
        return "generator:2" if str(source).startswith("generator") else source

    sources = tuple(
        dataclasses.replace(part, batch_size=1, source=fewer(part.source), limit=2)
        for part in config.sources
    )
    model = {**config.model, "hidden_size": 16} if resize else config.model
    changes: dict[str, Any] = {"batch_size": 2, "limit": 4, "test_segments": 2}
    return dataclasses.replace(config, model=model, sources=sources, **changes)


@dataclass(frozen=True)
class Tests(GpuStage):
    """The tests that are marked ``gpu``; a rehearsal only collects them."""

    title: ClassVar[str] = "tests"
    most: ClassVar[float] = 90.0

    def parts(self, folder: Path) -> Iterator[Rows]:
        """Run pytest.

        Raises:
            ValueError: if there are no tests, or pytest cannot run them.
        """
        tests = sorted((ROOT / "tests").rglob("test_*.py"))
        files = [
            str(path) for path in tests if "pytest.mark.gpu" in path.read_text(encoding="utf-8")
        ]
        if not files:
            raise ValueError(f"{ROOT / 'tests'}: expected the tests of a checkout, found none")
        command = [sys.executable, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider"]
        if self.rehearse:
            done = subprocess.run(
                [*command, "--collect-only", *files], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            print(done.stdout, flush=True)
            found = sum("::" in line for line in done.stdout.splitlines())
            yield [{"name": "collected", "value": found, "unit": "tests", "target": 1}]
            return
        # One line for each test in the log of the stage, also if its time is over before the end.
        report = (folder / "tests.xml").absolute()
        status = subprocess.run([*command, "-vv", f"--junit-xml={report}", *files], cwd=ROOT)
        if status.returncode not in (0, 1):
            raise ValueError(f"pytest ended with exit status {status.returncode}")
        suites = list(ElementTree.parse(report).iter("testsuite"))
        count, bad = (
            sum(int(suite.get(name, 0)) for suite in suites for name in names)
            for names in (("tests",), ("failures", "errors", "skipped"))
        )
        yield [{"name": "passed", "value": count - bad, "unit": "tests", "target": count}]


@dataclass(frozen=True)
class Throughput(GpuStage):
    """The subject ``throughput``."""

    title: ClassVar[str] = "throughput"
    most: ClassVar[float] = 90.0

    def parts(self, folder: Path) -> Iterator[Rows]:
        """Measure the published size and the relational preset."""
        from . import throughput

        seconds = 0.05 if self.rehearse else 2.0
        args = SimpleNamespace(device=self.device, threads=self.threads, seconds=seconds, seed=0)
        return throughput.parts(args, tiny=self.rehearse)


@dataclass(frozen=True)
class Training(GpuStage):
    """Seven minutes of the relational model on Sudoku-Extreme, and one pass over the test rows."""

    title: ClassVar[str] = "training"
    most: ClassVar[float] = 420.0

    preset: ClassVar[str] = "sudoku-extreme-gpu"
    seconds_of_training: ClassVar[float] = 375.0
    """Less than the limit by the time of the start, the last save and the test."""

    def parts(self, folder: Path) -> Iterator[Rows]:
        """Train and test."""
        data = str(Path(self.sudoku, "train.csv"))
        yield self.train(folder / AGENT, self.preset, data, self.seconds_of_training)
        yield solve_extreme(self, folder / AGENT, 0, 0.87)


@dataclass(frozen=True)
class Restarting(GpuStage):
    """The trained model with restarts."""

    title: ClassVar[str] = "restarts"
    most: ClassVar[float] = 60.0
    after: ClassVar[tuple[str, ...]] = (Training.title,)

    def parts(self, folder: Path) -> Iterator[Rows]:
        """Test with restarts, also the last checkpoint of a training run that did not finish."""
        agent = folder.parent / Training.title / AGENT
        yield solve_extreme(self, agent, 1 if self.rehearse else RESTARTS, 0.97)


def solve_extreme(stage: GpuStage, folder: Path, restarts: int, target: float) -> Rows:
    """Return the accuracy of a checkpoint on the test rows, after no, 1, 2, 4 ... restarts.

    Args:
        stage: The stage.
        folder: Folder of the checkpoint.
        restarts: Number of restarts.
        target: Target of the last row.
    """
    from hrm_gym.agents.hrm.inference.compute import measure_restarts
    from hrm_gym.agents.hrm.inference.restarts import Restarts
    from hrm_gym.data import load_puzzles

    agent = stage.agent(folder)
    path, limit = str(Path(stage.sudoku, "test.csv")), stage.few(MOST_ROWS)
    puzzles = load_puzzles(agent.task, path, limit=limit)
    rows: Rows = []
    for found in measure_restarts(agent, puzzles, Restarts(restarts)):
        name = f"exact of {len(puzzles)} test rows, {found.restarts} restarts"
        rows.append({"name": name, "value": found.accuracy, "unit": "share"})
    return [*rows[:-1], {**rows[-1], "target": target}]


@dataclass(frozen=True)
class Mazes(GpuStage):
    """The shipped maze agent, trained further on larger mazes; both agents are tested."""

    title: ClassVar[str] = "mazes"
    most: ClassVar[float] = 110.0

    preset: ClassVar[str] = "maze-gpu"
    seconds_of_training: ClassVar[float] = 55.0
    shipped: ClassVar[str] = "maze"

    def parts(self, folder: Path) -> Iterator[Rows]:
        """Train, and test before and after."""
        data = str(Path(self.maze, "train.csv"))
        yield self.train(folder / AGENT, self.preset, data, self.seconds_of_training, self.shipped)
        tests = [
            (30, "hard", str(Path(self.maze, "test.csv")), 200),
            (41, "hard", "generator", 32),
            (51, "perfect", "generator", 64),
            (51, "hard", "generator", 32),
        ]
        for size, kind, source, count in tests:
            yield self.solve(folder, size, kind, source, self.few(count))

    def solve(self, folder: Path, size: int, kind: str, source: str, count: int) -> Rows:
        """Return the share of mazes of one size that both agents solve in one pass."""
        from hrm_gym.agents.hrm.inference.compute import measure_restarts
        from hrm_gym.agents.hrm.inference.restarts import Restarts
        from hrm_gym.data import load_puzzles
        from hrm_gym.puzzles import get_task

        task = get_task(f"maze-{size}x{size}", kind)
        if source == "generator":
            source = f"generator:{count}"
        puzzles = load_puzzles(task, source, "test", limit=count)
        rows: Rows = []
        for what, agent in (("shipped", Path(self.shipped)), ("trained", folder / AGENT)):
            last = 2 if self.rehearse else None
            (found,) = measure_restarts(self.agent(agent), puzzles, Restarts(0), last)
            name = f"{what}, solved of {len(puzzles)} {kind} mazes of {size}x{size}"
            rows.append({"name": name, "value": found.solved, "unit": "share"})
        return rows


STAGES: tuple[type[GpuStage], ...] = (Tests, Throughput, Training, Restarting, Mazes)
"""The plan, the most valuable stages first."""


def check_data(option: str, folder: Path) -> str:
    """Return the absolute path of a folder with training and test rows.

    Raises:
        ValueError: if one of the files is missing.
    """
    for name in ("train.csv", "test.csv"):
        if not (folder / name).is_file():
            raise ValueError(
                f"{option}: expected a folder with train.csv and test.csv, but {folder / name} "
                "does not exist"
            )
    return str(folder.absolute())


def measure(args: Any) -> Rows:
    """Run the stages and return their rows; ``summary.json`` in the folder contains them too.

    Raises:
        ValueError: if there is no CUDA device and this is no rehearsal, or data are missing.
    """
    import torch

    from hrm_gym.machine import machine
    from hrm_gym.results import write_json

    if args.rehearse:
        device, out = "cpu", args.out / "rehearsal"
    elif torch.cuda.is_available():
        device, out = args.device if args.device.startswith("cuda") else "cuda", args.out
    else:
        raise ValueError(
            "device: the subject gpu needs a CUDA device, and this machine has none; --rehearse "
            "runs all stages on the CPU with tiny sizes"
        )
    sudoku = check_data("sudoku_data", args.sudoku_data)
    maze = check_data("maze_data", args.maze_data)
    stages = [
        stage(
            sudoku,
            maze,
            args.rehearse,
            limit=REHEARSAL_LIMIT if args.rehearse else stage.most,
            device=device,
            threads=args.threads,
        )
        for stage in STAGES
    ]
    rows = run_stages(stages, out)
    write_json(out / "summary.json", machine(), rows)
    return rows
