"""TensorBoard runs and result files, written alike for every agent."""

from __future__ import annotations

import importlib
import json
import math
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .extras import missing_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch.utils.tensorboard import SummaryWriter

    from .evaluation import Evaluation

HParam = bool | int | float | str


def run_folder(root: Path | str, env_id: str, agent: str, seed: int) -> Path:
    """Return the folder of a run: ``root/<env id>/<agent>/seed<k>``."""
    return Path(root) / env_id / agent / f"seed{seed}"


class Tracker:
    """Writes one TensorBoard run.

    The wall time of a point is the training time in seconds, so that the curves of agents trained
    at different hours lie over each other, and evaluation does not count.

    Args:
        folder: Where the run is written; see ``run_folder``.
        wandb: A Weights & Biases project that gets the numbers too.

    Raises:
        ValueError: wandb is asked for and not installed.
    """

    def __init__(self, folder: Path | str, wandb: str | None = None) -> None:
        self.folder = Path(folder)
        self._wandb: Any = None
        if wandb is not None:
            try:
                # By name, since it is an extra that type checkers need not find.
                module = importlib.import_module("wandb")
            except ImportError:
                raise ValueError(missing_extra("wandb", "wandb")) from None
            self.folder.mkdir(parents=True, exist_ok=True)
            name = "/".join(self.folder.parts[-3:])
            self._wandb = module.init(project=wandb, name=name, dir=str(self.folder))
        self._writer: SummaryWriter | None = None

    @property
    def writer(self) -> SummaryWriter:
        """The TensorBoard writer, opened when first asked for, since it loads torch."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder))
        return self._writer

    def scalar(self, tag: str, value: float, env_steps: int, seconds: float) -> None:
        """Write one number.

        Args:
            tag: Such as ``train/loss`` or ``eval/solve_rate``.
            value: The number.
            env_steps: Environment steps so far.
            seconds: Training seconds so far.
        """
        # add_scalar takes a wall time of 0 for "now", which would put one point in another era.
        self.writer.add_scalar(tag, value, env_steps, walltime=max(seconds, 1e-6))
        if self._wandb is not None:
            self._wandb.log({tag: value, "seconds": seconds}, step=env_steps)

    def evaluation(self, evaluation: Evaluation, env_steps: int, seconds: float) -> None:
        """Write the tags that every agent shares: ``eval/solve_rate`` and so on."""
        values = {
            "solve_rate": evaluation.solve_rate,
            "exact_accuracy": evaluation.exact_accuracy,
            "optimal_rate": evaluation.optimal_rate,
            "return": evaluation.mean_return,
            "steps": evaluation.mean_steps,
        }
        for name, value in values.items():
            if value is not None:
                self.scalar(f"eval/{name}", value, env_steps, seconds)

    def hparams(self, values: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Write hyper-parameters and final metrics for the HParams page.

        They go into the run itself; ``SummaryWriter.add_hparams`` would open a second run.
        """
        from torch.utils.tensorboard.summary import hparams

        plain: dict[str, HParam] = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in values.items()
            if value is not None
        }
        for summary in hparams(plain, dict(metrics)):
            self.writer._get_file_writer().add_summary(summary)
        if self._wandb is not None:
            self._wandb.config.update(plain)
            self._wandb.summary.update(dict(metrics))

    def text(self, tag: str, text: str, env_steps: int = 0, seconds: float = 0.0) -> None:
        """Write Markdown text."""
        self.writer.add_text(tag, text, env_steps, walltime=max(seconds, 1e-6))

    def image(
        self, tag: str, image: NDArray[np.uint8], env_steps: int = 0, seconds: float = 0.0
    ) -> None:
        """Write a picture, ``(height, width, 3)`` uint8, as environments render it."""
        self.writer.add_image(tag, image, env_steps, walltime=max(seconds, 1e-6), dataformats="HWC")

    def figure(self, tag: str, figure: Figure, env_steps: int = 0, seconds: float = 0.0) -> None:
        """Draw a matplotlib figure and write it as a picture."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        picture = np.asarray(canvas.buffer_rgba())[..., :3]
        self.image(tag, np.ascontiguousarray(picture), env_steps, seconds)

    def flush(self) -> None:
        """Write what is pending to disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Flush and close the run."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._wandb is not None:
            self._wandb.finish()
            self._wandb = None

    def __enter__(self) -> Tracker:
        """Return the tracker; the run is closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the run."""
        self.close()


def machine() -> dict[str, Any]:
    """Describe the machine for a result file; no names of hosts, users or folders."""
    description: dict[str, Any] = {
        "cpu": _cpu_model(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    # Only what the program uses anyway: a description is no reason to load torch.
    torch = sys.modules.get("torch")
    if torch is not None:
        description["torch"] = str(torch.__version__)
        description["torch_threads"] = torch.get_num_threads()
        if torch.cuda.is_available():
            description["gpu"] = torch.cuda.get_device_name()
    return description


def cores() -> int:
    """Return the cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def write_json(
    path: Path | str, machine: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write a result file for programs: ``{"machine": {...}, "rows": [...]}``.

    Args:
        path: The file; its folder is made, and it appears whole or not at all.
        machine: What ``machine()`` returned.
        rows: Each with ``name``, ``value`` and ``unit``, and ``target`` where there is one.

    Raises:
        ValueError: A row lacks one of these, or a value is not a finite number.
    """
    for row in rows:
        for key in ("name", "value", "unit"):
            if key not in row:
                raise ValueError(f"rows: expected name, value and unit in every row, got {row!r}")
        value = row["value"]
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"rows: {row['name']} is {value}, which JSON cannot hold")
    content = {"machine": dict(machine), "rows": [dict(row) for row in rows]}
    write_text(path, json.dumps(content, indent=1, allow_nan=False, default=_plain) + "\n")


def read_rows(path: Path, budget: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that an interrupted run has left in a result file; none where there is none.

    Args:
        path: What ``write_json`` wrote.
        budget: What every row's ``budget`` must be, so that rows can be compared.

    Raises:
        ValueError: The file is damaged, or a row had another budget.
    """
    if not path.exists():
        return []
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"]
        other = any(row["budget"] != budget for row in rows)
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: damaged, expected the rows of an earlier run") from None
    if other:
        raise ValueError(f"{path}: holds rows of another budget; give another --out")
    return rows


def write_text(path: Path | str, text: str) -> None:
    """Write a text file in one piece: whoever reads it sees the old content or the new."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write a file in one piece, as ``write_text`` does.

    A link stays a link, to the new content; what is no regular file, such as ``/dev/stdout``, is
    written into.

    Raises:
        OSError: It cannot be written, since the disk is full, say; the error names ``path``.
    """
    try:
        _write(Path(os.path.realpath(path)), content)
    except OSError as error:
        # Of a full disk the system says no name, and of the rest that of the hidden file.
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _write(path: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            file.write(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        # mkstemp makes a private file; the result is as readable as any other.
        os.fchmod(handle, 0o666 & ~_umask())
        with open(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _plain(value: Any) -> Any:
    """Turn NumPy numbers into Python's for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON value")
